# Responses of upstreams by the letter (RFC 9110 6, 15; RFC 9112 4, 6, 7): what
# is malformed is a 502 with its reason, what breaks off is seen to be broken,
# and nothing of it is in the way of the next request.
use v5.36;
no warnings 'qw';
use Test::More;
use Weir;

my (@cases, %script);    # [name, bytes, %how]
sub case ($name, $bytes, %how) { push @cases, [ $name, $bytes, %how ] }
sub bad ($name, $bytes, $reason, %how) { case("bad: $name", $bytes, status => 502, reason => $reason, %how) }
sub ok_fields ($fields, %how) { case("good: $fields", "HTTP/1.1 200 OK\r\n$fields\r\nContent-Length: 5\r\n\r\nhello", body => 'hello', %how) }
sub bad_fields ($fields, $reason, %how) { bad($fields, "HTTP/1.1 200 OK\r\n$fields\r\n\r\nhello", $reason, %how) }

# ---- the status line (RFC 9112 4)

my $good = "Content-Length: 5\r\n\r\nhello";
bad($_, "$_\r\n$good", 'upstream_bad_status_line') for 'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 2x0 OK', 'HTTP/1.1 abc OK', 'HTTP/1.1 099 OK', 'HTTP/1.1 600 X',
    'HTTP/1.1 999 X', 'HTTP/1.1 000 X', 'HTTP/1.1  200 OK', 'HTTP/1.1', 'HTTP/1.1 ', 'HTTP/1.1 OK', "HTTP/1.1\t200 OK", 'HTTP/1.1 -200 OK', 'HTTP/1.1 +200 OK', 'HTTP/1.1 200OK',
    'HTTP/1.1 200,OK', 'HTTP/2.0 200 OK', 'HTTP/2 200', 'HTTP/0.9 200 OK', 'HTTP/1 200 OK', 'HTTP/11 200 OK', 'HTTP/1.x 200 OK', 'http/1.1 200 OK', 'HTTPS/1.1 200 OK', 'ICY 200 OK',
    'RTSP/1.0 200 OK', 'SSH-2.0-OpenSSH', '220 mail ESMTP', '200 OK', ' HTTP/1.1 200 OK', "\tHTTP/1.1 200 OK", "HTTP/1.1 200 O\0K", "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\x7fK",
    "HTTP/1.1 2\x{b2}0 OK", 'GET / HTTP/1.1', '<html>', 'HTTP/1.1.1 200 OK', 'HTTP/1.10 200 OK', 'HTTP/ 1.1 200 OK', 'XHTTP/1.1 200 OK';
bad('binary', "\x00\xff\xfe\x01" x 100 . "\r\n\r\n", 'upstream_bad_status_line');
bad('a TLS alert', "\x15\x03\x01\x00\x02\x02\x0a", qr/upstream_bad_status_line|upstream_closed/);
bad('a status line by bare LF', "HTTP/1.1 200 OK\n$good", qr/upstream_bad_/);
bad('all by bare LF', "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", qr/upstream_bad_/);
bad('a status line by bare CR', "HTTP/1.1 200 OK\r$good", qr/upstream_bad_/);
bad('a CR in the phrase', "HTTP/1.1 200 O\rK\r\n$good", qr/upstream_bad_/);
bad('three empty lines in front', "\r\n\r\n\r\nHTTP/1.1 200 OK\r\n$good", qr/upstream_bad_/);
case('an empty line in front', "\r\nHTTP/1.1 200 OK\r\n$good", body => 'hello');
case('two', "\r\n\r\nHTTP/1.1 200 OK\r\n$good", body => 'hello');
case('no phrase', "HTTP/1.1 200 \r\n$good", body => 'hello');
case('no phrase, no space', "HTTP/1.1 200\r\n$good", body => 'hello');
case('a phrase of its own', "HTTP/1.1 200 Alles gut\xe4, ja: 1 \"x\"\r\n$good", body => 'hello');
case('HTTP/1.0', "HTTP/1.0 200 OK\r\n$good", body => 'hello', version => '1.1');
case('HTTP/1.9', "HTTP/1.9 200 OK\r\n$good", body => 'hello', version => '1.1');
case("status $_", "HTTP/1.1 $_ X\r\n$good", status => $_, body => 'hello') for qw(200 201 202 203 205 206 207 226 299 300 301 302 303 305 307 308 399 400 401 402 403 404 405 406 408 409
    410 411 412 413 414 415 416 417 418 421 422 423 424 425 426 428 429 431 451 499 500 501 502 503 504 505 506 507 508 511 599);
bad('nothing', '', 'upstream_closed');
bad('an empty line alone', "\r\n", 'upstream_closed');
bad('half a status line', 'HTTP/1.1 20', 'upstream_closed');
bad('half a head', "HTTP/1.1 200 OK\r\nContent-Le", 'upstream_closed');
bad('a head without its end', "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", 'upstream_closed');

# ---- fields (RFC 9112 5)

bad_fields($_, 'upstream_bad_field') for ": y", " : y", "nocolon", "X y: z", "X(: y", "X\x01: y", "X\x7f: y", "X\xe4: y", "X: a\0b", "X: a\x01b", "X: a\x7fb", "X: a\x1bb",
    "X: a\rb", "X: a\nY: b", "X: a\r\n b", "X: a\r\n\tb", " X: a", "X: a\r\r\nY: b", "X: a\n", "\0: y", "X/Y: z", "\"X\": y", "{X}: y", "X: a\r\n : b";
bad('the empty line by bare LF', "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", qr/upstream_bad_/);
bad('a first field that is folded', "HTTP/1.1 200 OK\r\n X: y\r\n$good", 'upstream_bad_field');
bad('a field without end', "HTTP/1.1 200 OK\r\nX: " . 'y' x 300_000, 'upstream_head_too_large');
bad('a long field', "HTTP/1.1 200 OK\r\nX: " . 'y' x 200_000 . "\r\n$good", 'upstream_head_too_large');
bad('many fields', "HTTP/1.1 200 OK\r\n" . "X: y\r\n" x 5000 . $good, 'upstream_head_too_large');
# Blanks before the colon: a proxy removes them (RFC 9112 5.1), and then the name means what it says.
ok_fields("X : y", fields => { X => ['y'] });
ok_fields("X\t : y", fields => { X => ['y'] });
ok_fields("Connection : x-a\r\nX-A : 1", fields => { 'X-A' => [] });
bad_fields("Content-Length : 5\r\nContent-Length: 5", 'upstream_bad_length');
bad_fields("Content-Length: 5\r\nTransfer-Encoding : chunked", 'upstream_bad_length');
bad_fields("Transfer-Encoding : gzip", 'upstream_bad_coding');
case('a coding with a blank', "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", body => 'hello');
ok_fields("X: y", fields => { X => ['y'] });
ok_fields("X:y\r\nX:\r\nX: \t z \t", fields => { X => [ 'y', '', 'z' ] });
ok_fields("X: \xe4\xff\ty", fields => { X => ["\xe4\xff\ty"] });
ok_fields("Expires: 0\r\nExpires: 1", fields => { Expires => [ 0, 1 ] });
ok_fields("Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=\"d, e\"", fields => { 'Set-Cookie' => [ 'a=b; Path=/', 'c="d, e"' ] });
ok_fields("X_Y: 1", fields => { X_Y => ['1'] });
ok_fields("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: old", fields => { Date => ['Thu, 01 Jan 1970 00:00:00 GMT'], Server => ['old'] });
ok_fields("Via: 1.0 fred", fields => { Via => [ '1.0 fred', qr/^1\.1 \S+$/ ] });
ok_fields("Location: //x/../y?z#f", fields => { Location => ['//x/../y?z#f'] });

# ---- hop-by-hop fields (RFC 9110 7.6.1)

ok_fields("Connection: X-A\r\nX-A: 1\r\nX-B: 2", fields => { 'X-A' => [], 'X-B' => ['2'] });
ok_fields("X-A: 1\r\nX-B: 2\r\nconnection: keep-alive,x-a\r\nx-a: 3", fields => { 'X-A' => [], 'X-B' => ['2'] });
ok_fields("Connection: foo\r\nConnection: ,X-A ,\r\nX-A: 1\r\nX-B: 2", fields => { 'X-A' => [], 'X-B' => ['2'] });
ok_fields("Connection: close, X-A\r\nX-A: 1\r\nX-B: 2", fields => { 'X-A' => [], 'X-B' => ['2'] });
ok_fields("Connection: Content-Length", body => 'hello');
ok_fields("Connection: Set-Cookie\r\nSet-Cookie: a=b", fields => { 'Set-Cookie' => [] });
ok_fields("Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nTE: x", fields => { map { $_ => [] } qw(Keep-Alive Proxy-Connection Upgrade TE) });
ok_fields("Proxy-Authenticate: Basic\r\nProxy-Authentication-Info: x", fields => { map { $_ => [] } qw(Proxy-Authenticate Proxy-Authentication-Info) });
ok_fields("Connection: Upgrade\r\nUpgrade: h2,h2c", fields => { Upgrade => [] });
ok_fields("Trailer: X-Sum", fields => { Trailer => ['X-Sum'] });
case('426 says what to upgrade to', "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: TLS/1.2\r\n$good", status => 426, body => 'hello',
    fields => { Upgrade => ['TLS/1.2'] }, connection => 'upgrade');
bad_fields("Connection: a b\r\nContent-Length: 5", 'upstream_bad_field');

# ---- lengths and codings (RFC 9112 6)

bad_fields("Content-Length: $_", 'upstream_bad_length') for '', '-5', '+5', '5,5', '5, 5', '5, 6', '5 5', 'x', '5x', '0x5', '5.0', '9223372036854775808', '99999999999999999999999', '"5"', ',5', '5,';
bad_fields("Content-Length: 5\r\nContent-Length: $_", 'upstream_bad_length') for 5, 6, 0, '', 'x';
bad_fields("Content-Length: 5\r\nTransfer-Encoding: chunked", 'upstream_bad_length');
bad_fields("Transfer-Encoding: chunked\r\nContent-Length: 5", 'upstream_bad_length');
bad_fields("Transfer-Encoding: $_", 'upstream_bad_coding') for '', 'gzip', 'identity', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked;x=y', '"chunked"', 'xchunked', ',chunked', 'chunked,',
    "chunked\r\nTransfer-Encoding: chunked", "gzip\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: identity", 'foo';
bad('a coding in HTTP/1.0', "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 'upstream_bad_coding');
bad("HEAD: $_", "HTTP/1.1 200 OK\r\n$_\r\n\r\n", qr/upstream_bad_(?:length|coding)/, method => 'HEAD') for "Content-Length: x", "Content-Length: 5\r\nContent-Length: 6", "Transfer-Encoding: gzip",
    "Content-Length: 5\r\nTransfer-Encoding: chunked";
bad("304: $_", "HTTP/1.1 304 Not Modified\r\n$_\r\n\r\n", qr/upstream_bad_(?:length|coding)/) for "Content-Length: -1", "Transfer-Encoding: foo";

# ---- bodies

my $chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
case('chunked', $chunked . "5\r\nhello\r\n0\r\n\r\n", body => 'hello');
case('Chunked', "HTTP/1.1 200 OK\r\ntransfer-ENCODING: ChunKed\r\n\r\n5\r\nhello\r\n0\r\n\r\n", body => 'hello');
case('two chunks', $chunked . "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", body => 'hello');
case('extensions', $chunked . "5;a=b;c=\"d;\\\"\"\r\nhello\r\n0;e\r\n\r\n", body => 'hello');
case('digits', $chunked . "00A\r\n0123456789\r\n0a\r\n0123456789\r\n00\r\n\r\n", body => '01234567890123456789');
case('trailers', $chunked . "5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n", body => 'hello');
case('no body', "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", body => '');
case('an empty chunked one', $chunked . "0\r\n\r\n", body => '');
case('a length with zeros', "HTTP/1.1 200 OK\r\nContent-Length: 0005\r\n\r\nhello", body => 'hello', fields => { 'Content-Length' => ['5'] });
case('until the end', "HTTP/1.1 200 OK\r\n\r\nhello", body => 'hello');
case('until the end, HTTP/1.0', "HTTP/1.0 200 OK\r\n\r\nhello", body => 'hello');
case('until the end, nothing', "HTTP/1.1 200 OK\r\n\r\n", body => '');
case('more than its length', "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", body => 'hello');
case('more behind the last chunk', $chunked . "5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", body => 'hello');
case('a body where none may be: HEAD', "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body => '', method => 'HEAD', fields => { 'Content-Length' => ['5'] });
case('HEAD, chunked', $chunked, body => '', method => 'HEAD');
case('204 with a body', "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", status => 204, body => '', fields => { 'Content-Length' => [], 'Transfer-Encoding' => [] });
case('204 with chunks', "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status => 204, body => '', fields => { 'Content-Length' => [], 'Transfer-Encoding' => [] });
case('304 with a length', "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n", status => 304, body => '', fields => { 'Content-Length' => ['5'], ETag => ['"x"'] });
case('304 with a body', "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", status => 304, body => '');

# What breaks off or is garbled in the middle: the client sees that it is not whole.
sub broken ($name, $bytes, $reason) { case("broken: $name", $bytes, broken => 1, reason => $reason) }
broken('short of its length', "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 'upstream_truncated');
broken('nothing of its length', "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 'upstream_truncated');
broken('no chunk', $chunked, 'upstream_truncated');
broken('no last chunk', $chunked . "5\r\nhello\r\n", 'upstream_truncated');
broken('half a chunk', $chunked . "a\r\nhello", 'upstream_truncated');
broken('half a size', $chunked . "5\r\nhello\r\n1", 'upstream_truncated');
broken('half a last chunk', $chunked . "5\r\nhello\r\n0\r\n", 'upstream_truncated');
broken('half a trailer', $chunked . "5\r\nhello\r\n0\r\nX: y\r\n", 'upstream_truncated');
broken("chunk: $_", $chunked . "5\r\nhello\r\n$_", 'upstream_bad_chunk') for "x\r\nhello\r\n0\r\n\r\n", "-1\r\n", "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhelloworld\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n", "8000000000000000\r\nhello", "ffffffffffffffffff\r\nhello",
    "5;a\nb\r\nhello\r\n0\r\n\r\n", "5_\r\nhello\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "0\n\n", "0\r\n\n", "0\r\n X: y\r\n\r\n", "0\r\nX y: z\r\n\r\n", "5;" . 'x' x 10_000 . "\r\nhello\r\n0\r\n\r\n";

# ---- informational ones (RFC 9110 15.2)

case('100 nobody asked for', "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n$good", body => 'hello');
case('102 and 103', "HTTP/1.1 102 P\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n$good", body => 'hello');
case('an unknown one', "HTTP/1.1 199 Who knows\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n$good", body => 'hello');
case('one with a length', "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n$good", body => 'hello');
case('of HTTP/1.0', "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n$good", body => 'hello');
bad('101 nobody asked for', "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello", 'upstream_bad_upgrade');
bad('101 without a word', "HTTP/1.1 101 Switching Protocols\r\n\r\nhello", 'upstream_bad_upgrade');
bad('100 and then nothing', "HTTP/1.1 100 Continue\r\n\r\n", 'upstream_closed');
bad('103 and then rubbish', "HTTP/1.1 103 Early Hints\r\n\r\nrubbish\r\n\r\n", 'upstream_bad_status_line');
bad('103 with a bad field', "HTTP/1.1 103 Early Hints\r\nX y: z\r\n\r\nHTTP/1.1 200 OK\r\n$good", 'upstream_bad_field');
bad('100 with a body', "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n$good", 'upstream_bad_status_line');

# ---- the verdicts

$script{"/$_"} = $cases[$_][1] for 0 .. $#cases;
my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        if ($m->target eq '/next') { $c->respond(200, 'next'); return }
        $c->send($script{ $m->target });
        return 'stop';
    });
} });

sub show ($bytes) { (length $bytes > 90 ? substr($bytes, 0, 90) . '...' : $bytes) =~ s/([^ -~]|#)/sprintf '\\x%02x', ord $1/ger }

my $c;
for my $i (0 .. $#cases) {
    my ($name, undef, %how) = @{ $cases[$i] };
    for my $version ('1.1', '1.0') {
        $c = $w->conn if !$c || $version eq '1.0';
        my $method = $how{method} // 'GET';
        $c->send("$method /$i HTTP/$version\r\nHost: a\r\n\r\n");
        my $m = $c->recv_response(timeout => 5, method => $method);
        my @faults;
        if (!$m) { @faults = ('no answer: ' . ($c->closed || 'silence')) }
        else {
            my $status = $how{status} // 200;
            push @faults, 'status ' . $m->status . ", want $status" if $m->status ne $status;
            push @faults, 'version ' . $m->version if $m->version ne '1.1';
            push @faults, "body '" . show($m->body) . "'" if defined $how{body} && $m->body ne $how{body};
            push @faults, 'a body that is not whole looks whole' if $how{broken} && $m->clean;
            push @faults, "ended $m->{ended}" if !$how{broken} && !$m->clean;
            push @faults, 'chunked to HTTP/1.0' if $version eq '1.0' && $m->has('Transfer-Encoding');
            push @faults, 'an inform to HTTP/1.0' if $version eq '1.0' && $m->informs;
            push @faults, 'both framings' if $m->has('Transfer-Encoding') && $m->has('Content-Length');
            push @faults, 'no Date' unless $m->has('Date');
            push @faults, 'a bad field: ' . show($_->[1]) for grep { $_->[0] eq '' } @{ $m->{fields} };
            for my $field (sort keys %{ $how{fields} // {} }) {
                my ($got, $want) = ([ $m->all($field) ], $how{fields}{$field});
                my $same = @$got == @$want && !grep { ref $want->[$_] ? $got->[$_] !~ $want->[$_] : $got->[$_] ne $want->[$_] } 0 .. $#$want;
                push @faults, "$field: " . show(join '|', @$got) unless $same || ($field eq 'Content-Length' && $version eq '1.0' && !@$got);
            }
            push @faults, 'Connection: ' . join '|', $m->all('Connection') if $how{connection} && !grep { $_ eq $how{connection} } $m->list('Connection');
            push @faults, 'a field of the upstream\'s connection' if grep { $_ !~ /^(?:close|keep-alive|upgrade)$/ } $m->list('Connection');
        }
        ok(!@faults, show($name) . ($version eq '1.0' ? ' (to HTTP/1.0)' : '')) or diag(map { "$_\n" } @faults);
        if (!$m || $version eq '1.0' || $how{broken} || $m->closes || $c->closed) { $c->close; $c = undef; next }
        my $next = $w->get('/next', on => $c);
        is($next->body, 'next', 'and the next one is right') or do { $c->close; $c = undef };
    }
}
is($w->get('/next')->body, 'next', 'all is well afterwards');

my $log = $w->ended_requests;
my @wrong;
for my $i (0 .. $#cases) {
    my ($name, undef, %how) = @{ $cases[$i] };
    my ($got, $want) = ($log->{"/$i"}{reason} // '', $how{reason} // '');
    push @wrong, "$name: '$got', want '$want'" unless ref $want ? $got =~ $want : $got eq $want;
}
ok(!@wrong, scalar(@cases) . ' cases: each has its reason in the access log') or diag(map { show($_) . "\n" } @wrong);

done_testing;
