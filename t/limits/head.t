# The limits of a request head: each has its name, its status and its reason,
# and what is just within it passes.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo' });
[weir]
limit.target = 300
limit.header_line = 2000
limit.header_total = 6000
limit.header_count = 20
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

sub try ($path, @fields) {
    my $c = $w->conn;
    my $m = $w->get($path, on => $c, fields => \@fields);
    my $end = $m->status == 200 ? '' : $c->closed(timeout => 5);
    return $m->status . ($end ? " $end" : '');
}

is(try('/' . 'a' x 299), '200', 'a target of limit.target');
is(try('/' . 'a' x 300), '414 fin', 'and one byte more');
is(try('/line', 'X-A' => 'b' x 1995), '200', 'a line of limit.header_line');
is(try('/line1', 'X-A' => 'b' x 1996), '431 fin', 'and one byte more');
is(try('/count', map { ("X-$_" => 1) } 1 .. 19), '200', 'limit.header_count fields (with Host)');
is(try('/count1', map { ("X-$_" => 1) } 1 .. 20), '431 fin', 'and one more');
is(try('/total', map { ("X-$_" => 'c' x 1800) } 1 .. 3), '200', 'a head within limit.header_total');
is(try('/total1', map { ("X-$_" => 'c' x 1800) } 1 .. 4), '431 fin', 'and one beyond');

# What never ends is cut off at the limit, however slowly it comes.
for my $what ('GET /' . 'a' x 10_000, "GET /endless HTTP/1.1\r\nX: " . 'b' x 10_000, "GET /endless HTTP/1.1\r\n" . "X: b\r\n" x 5000, 'X' x 10_000) {
    my $c = $w->conn;
    $c->send($_) for unpack '(a700)*', $what;
    my $m = $c->recv_response(timeout => 5);
    like($m && $m->status, qr/^(?:400|414|431|501)$/, 'endless: ' . substr($what, 0, 30) =~ s/\r\n/ | /gr . '...');
}

my $end = $w->ended_requests;
my %reason = map { $_->{reason} => $_->{status} } $w->access;
is($reason{target_too_long}, 414, 'target_too_long');
is($reason{field_too_long}, 431, 'field_too_long');
is($reason{too_many_fields}, 431, 'too_many_fields');
is($reason{head_too_large}, 431, 'head_too_large');
is(scalar(grep { /1$/ } map { $_->target } $w->upstream_got('app')), 0, 'nothing of what was refused went upstream');
done_testing;
