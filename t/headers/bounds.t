# What a request brings through a variable never splits a header and is
# bounded; a value that cannot be sent leaves the field out, and the log says so.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, env => { SECRET => '5% of %{host}', ADDS => '+ x' }, files => { token => "t%{path}\n" });
[weir]
limit.target = 16k
limit.header_line = 32k
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/here/* = status:200
/strict/* = status:200
paths = raw
request_header.X-Path = %{path}
request_header.X-Query = %{query}
request_header.X-Twice = %{query}%{query}
request_header.X-After = still here
request_header.X-Secret = Bearer ${SECRET}
request_header.X-Adds = ${ADDS}
request_header.X-File = @@DIR@/token
response_header.X-Path = %{path}
response_header.X-Query = %{query}
response_header.X-Twice = %{query}%{query}
response_header.X-After = still here
[route */strict/*]
paths = strict
INI

my $c = $w->conn;
sub both ($target, @fields) {
    my $d = $w->get_json($target, on => $c, fields => \@fields);
    my $m = $d->{response};
    is($m->field('X-After'), 'still here', 'the response is whole');
    is((Weir::echoed($d, 'X-After'))[0], 'still here', 'and the request');
    return map { my $n = $_; [ join('|', Weir::echoed($d, $n)), join('|', $m->all($n)) ] } qw(X-Path X-Query X-Twice);
}

my ($path, $query) = both('/a%0d%0aX-Evil:%20y?b%0d%0aX-Evil:y');
is_deeply($path, [ ('/a%0D%0AX-Evil:%20y') x 2 ], 'escapes of a path stay escapes');
is_deeply($query, [ ('b%0d%0aX-Evil:y') x 2 ], 'and those of a query');
my $bad = $w->raw("GET /strict/%00%0a HTTP/1.1\r\nHost: a\r\n\r\n");
like($bad, qr{^HTTP/1\.1 400 .*^X-Path: /strict/%00%0A\r\n}ms, 'also on the way to an error');
($path, $query) = both("/\xc3\xa9\xff?\xff\x80");
is($query->[1], "\xff\x80", 'bytes beyond ASCII pass in a response');
is($query->[0], "\xff\x80", 'and in a request');

# 8192 bytes and no more.
my $twice = (both('/x?' . 'q' x 4096))[2];
is_deeply([ map { length } @$twice ], [ 8192, 8192 ], 'a value of 8192 bytes');
$twice = (both('/x?' . 'q' x 4097, 'X-Twice' => 'the client says'))[2];
is_deeply($twice, [ '', '' ], 'a longer one is left out, and so is what the client sent');
my $line = $w->wait_log(qr/header rule gives no value/);
like($line, qr/ info .* req=[0-9a-f]{32} route=\S+ header rule gives no value, field left out reason=too_long field=X-Twice rule=\S+weir\.ini:\d+$/, 'the log says so');
is(scalar(() = $w->error_log =~ /gives no value/g), 2, 'once a rule');
$twice = (both('/x?' . 'q' x 9000))[1];
is_deeply($twice, [ '', '' ], 'one variable alone is bounded too');
is($w->get('/here/?' . 'q' x 5000, on => $c)->field('X-Twice'), undef, 'weir\'s own answers likewise');

# The environment and files bring data, not syntax.
my $d = $w->get_json('/x', on => $c);
is((Weir::echoed($d, 'X-Secret'))[0], 'Bearer 5% of %{host}', 'a percent sign of the environment is one');
is((Weir::echoed($d, 'X-Adds'))[0], '+ x', 'a plus too');
is((Weir::echoed($d, 'X-File'))[0], 't%{path}', 'and what is in a file');
done_testing;
