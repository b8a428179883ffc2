# Requests that are unusual but right: what of them reaches the upstream, and
# what stays on the connection that it came by (RFC 9110 7.6, 9112 2.2, 3.2).
use v5.36;
no warnings 'qw';
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
[route /raw/*]
paths = raw
INI

my $c = $w->conn;

# Sends bytes, on a connection that goes on unless it says otherwise; what the upstream saw.
sub sees ($name, $bytes, %o) {
    $c = $w->conn if !$c || $c->{ended};
    $c->send($bytes);
    my $m = $c->recv_response(timeout => 5, method => $bytes =~ /^HEAD / ? 'HEAD' : 'GET');
    my $status = $m ? $m->status : $c->closed || 'silence';
    is($status, $o{status} // 200, $name =~ s/([^ -~]|#)/sprintf '\\x%02x', ord $1/ger);
    my $closed = $c->closed(timeout => $o{closes} ? 5 : 0);
    ok($o{closes} ? $closed : !$closed, $o{closes} ? 'then the connection ends' : 'and the connection goes on');
    if ($closed || $status ne ($o{status} // 200)) { $c->close; $c = undef }
    return eval { JSON::PP->new->latin1->decode($m->body) } // {};
}
sub all ($d, $name) { [ Weir::echoed($d, $name) ] }
sub names ($d) { join ' ', map { lc $_->[0] } @{ $d->{fields} // [] } }

# ---- hop-by-hop fields

my %hop = (
    'keep-alive'       => "Keep-Alive: timeout=5\r\n",
    'proxy-connection' => "Proxy-Connection: keep-alive\r\n",
    'te'               => "TE: gzip\r\n",
    'upgrade'          => "Upgrade: websocket\r\n",
    'http2-settings'   => "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    'proxy-authorization' => "Proxy-Authorization: Basic eA==\r\n",
    'connection'       => "Connection: keep-alive\r\n",
);
for my $name (sort keys %hop) {
    my $d = sees("$name is for this connection", "GET / HTTP/1.1\r\nHost: a\r\n$hop{$name}X-Stays: 1\r\n\r\n");
    unlike(names($d), qr/(?:^| )\Q$name\E(?: |$)/, 'and goes no further');
    is_deeply(all($d, 'X-Stays'), ['1'], 'others do');
}
my @named = (
    [ "Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\n" ],
    [ "Connection: x-a\r\nX-A: 1\r\nX-B: 2\r\n" ],
    [ "Connection: X-A\r\nx-a: 1\r\nX-B: 2\r\n" ],
    [ "X-A: 1\r\nX-B: 2\r\nConnection: X-A\r\n" ],
    [ "X-A: 1\r\nConnection: keep-alive, X-A\r\nX-B: 2\r\nX-A: 3\r\n" ],
    [ "Connection: keep-alive\r\nConnection: X-A\r\nX-A: 1\r\nX-B: 2\r\n" ],
    [ "Connection: foo,bar\t,\tX-A ,,baz\r\nX-A: 1\r\nX-B: 2\r\n" ],
    [ "Connection: ,,X-A\r\nX-A: 1\r\nX-B: 2\r\n" ],
    [ "Connection: X-A\r\nConnection: X-A\r\nX-A: 1\r\nX-B: 2\r\nX-a: 1\r\n" ],
    [ "connection:x-a\r\nX-A:1\r\nX-B: 2\r\n" ],
    [ "CONNECTION: X-A\r\nX-A:\r\nX-B: 2\r\n" ],
    [ "Connection: X-A, close\r\nX-A: 1\r\nX-B: 2\r\n", 1 ],
);
for my $case (@named) {
    my ($fields, $closes) = @$case;
    my $d = sees("named: $fields", "GET / HTTP/1.1\r\nHost: a\r\n$fields\r\n", closes => $closes);
    is_deeply(all($d, 'X-A'), [], 'what Connection names is gone');
    is_deeply(all($d, 'X-B'), ['2'], 'what it does not is there');
    is_deeply([ grep { /x-a/i } map { $_->[1] } grep { lc $_->[0] eq 'connection' } @{ $d->{fields} } ], [], 'nor does Connection name it');
}
for my $name (qw(Cookie Authorization Accept Cache-Control Content-Type X-Custom Referer)) {
    my $d = sees("Connection: $name", "GET / HTTP/1.1\r\nHost: a\r\n$name: gone\r\nConnection: \L$name\E\r\n\r\n");
    is_deeply(all($d, $name), [], 'is gone');
}
for my $name (qw(X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Real-IP X-Request-ID Via)) {
    my $d = sees("Connection: $name takes nothing away that weir says", "GET / HTTP/1.1\r\nHost: a\r\nConnection: $name\r\n$name: x\r\n\r\n");
    is(scalar @{ all($d, $name) }, 1, 'it is there once');
    isnt(all($d, $name)->[0], 'x', 'and is weir\'s own');
}
my $d = sees('Connection: Host', "GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n");
is_deeply(all($d, 'Host'), ['a'], 'Host stays');
$d = sees('Connection: Content-Length', "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhello");
is($d->{body}, 'hello', 'the body stays');
$d = sees('Connection: Transfer-Encoding', "POST / HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
is($d->{body}, 'hello', 'the chunked one too');

# ---- the end of the connection (RFC 9112 9.3, 9.6)

sees("Connection: $_", "GET / HTTP/1.1\r\nHost: a\r\nConnection: $_\r\n\r\n", closes => 1)
    for 'close', 'Close', 'CLOSE', 'keep-alive, close', 'close, keep-alive', 'foo, close, bar', ',close', "foo,\tclose", "keep-alive\r\nConnection: close", "close\r\nConnection: keep-alive";
sees("Connection: $_", "GET / HTTP/1.1\r\nHost: a\r\nConnection: $_\r\n\r\n") for 'keep-alive', 'closed', 'not-close', '', 'foo', 'Keep-Alive';
sees('HTTP/1.0', "GET / HTTP/1.0\r\n\r\n", closes => 1);
sees('HTTP/1.0 with close', "GET / HTTP/1.0\r\nConnection: close\r\n\r\n", closes => 1);
sees('HTTP/1.0 with keep-alive and close', "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", closes => 1);

# ---- targets and Host

$d = sees('an absolute target', "GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
is($d->{target}, '/x?y', 'is forwarded in origin form');
is_deeply(all($d, 'Host'), ['a'], 'with its host');
$d = sees('without a path', "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n");
is($d->{target}, '/', 'the path is /');
$d = sees('with a query alone', "GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n");
is($d->{target}, '/?y', 'the path is / before the query');
$d = sees('in other case and with the preset port', "GET HTTP://A:80/ HTTP/1.1\r\nHost: a\r\n\r\n");
is(lc all($d, 'Host')->[0] =~ s/:80$//r, 'a', 'is the same host');
$d = sees('in HTTP/1.0 without Host', "GET http://b/x HTTP/1.0\r\n\r\n", closes => 1);
is_deeply(all($d, 'Host'), ['b'], 'Host is made from the target');
$d = sees('HTTP/1.0 without any host', "GET /x HTTP/1.0\r\n\r\n", closes => 1);
is(scalar @{ all($d, 'Host') }, 1, 'the upstream gets one all the same');
for my $good ('a', 'A', 'a.', 'a.b', 'a:80', 'a:', 'a:65535', '127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:80', '[::FFFF:1.2.3.4]', '[v1.a:b]', 'a_b', 'a-b', '-', '%41b', "a!\$&'()*+,;=~", '1', 'xn--x') {
    $d = sees("Host: $good", "GET / HTTP/1.1\r\nHost: $good\r\n\r\n");
    is_deeply(all($d, 'Host'), [$good], 'is kept');
}
my %target = (
    '/'                => '/',
    '/a/b?c=d&e'       => '/a/b?c=d&e',
    '/?'               => '/?',
    '/a?b?c'           => '/a?b?c',
    '/a?/../b'         => '/a?/../b',
    '/a?%zz'           => '/a?%zz',
    '/%61%2d%7e'       => '/a-~',
    '/%20'             => '/%20',
    '/a%3fb'           => '/a%3Fb',
    '/%e4%bd%a0'       => '/%E4%BD%A0',
    '/a/./b'           => '/a/b',
    '/a/../b'          => '/b',
    '/a/..'            => '/',
    '/a;b=c,d@e:f!$'   => '/a;b=c,d@e:f!$',
    '/*'               => '/*',
    '/...'             => '/...',
    '/a//b'            => '/a/b',
    '/%25'             => '/%25',
    '/%2541'           => '/%2541',
    '/raw/a//b/./%61'  => '/raw/a//b/./%61',
    '/raw/%2f'         => '/raw/%2f',
);
for my $t (sort keys %target) {
    $d = sees("target $t", "GET $t HTTP/1.1\r\nHost: a\r\n\r\n");
    is($d->{target}, $target{$t}, "goes on as $target{$t}");
}
sees("$_ *", "$_ * HTTP/1.1\r\nHost: a\r\n\r\n", status => 204) for 'OPTIONS';
sees('OPTIONS of a host', "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", status => 204);
sees('OPTIONS that may go no further', "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", status => 204);
$d = sees('OPTIONS that may', "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n");
is_deeply(all($d, 'Max-Forwards'), ['9'], 'one less');
$d = sees('GET with Max-Forwards', "GET /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
is_deeply(all($d, 'Max-Forwards'), ['0'], 'as it is');

# ---- methods and versions

for my $method (qw(GET POST PUT DELETE PATCH OPTIONS PROPFIND BREW get Get M-SEARCH !#$%&'*+-.^_`|~ CONNECTED), 'X' x 32) {
    $d = sees("method $method", "$method /x HTTP/1.1\r\nHost: a\r\n\r\n");
    is($d->{method}, $method, 'goes on as it is');
}
$d = sees('HTTP/1.2', "GET / HTTP/1.2\r\nHost: a\r\n\r\n");
is($d->{version}, '1.1', 'weir speaks its own version');
$d = sees('HTTP/1.0', "GET / HTTP/1.0\r\nHost: a\r\n\r\n", closes => 1);
is($d->{version}, '1.1', 'to upstreams too');

# ---- lines

sees('an empty line in front', "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
sees('two', "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
sees('one after a body', "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n");
sees('and the next request', "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
my %value = (
    "X:y"                   => 'y',
    "X: y"                  => 'y',
    "X:\t y \t"             => 'y',
    "X:"                    => '',
    "X:   "                 => '',
    "X: a b\tc"             => "a b\tc",
    "X: \xe4\xff\x80"       => "\xe4\xff\x80",
    "X: \"q\\\"\", (c), <d>" => "\"q\\\"\", (c), <d>",
    "X: a: b: c"            => 'a: b: c',
    "X: " . 'y' x 4000      => 'y' x 4000,
);
for my $line (sort keys %value) {
    $d = sees("line: " . substr($line, 0, 30), "GET / HTTP/1.1\r\nHost: a\r\n$line\r\n\r\n");
    is_deeply(all($d, 'X'), [ $value{$line} ], 'its value goes on');
}
$d = sees('every byte of a name', "GET / HTTP/1.1\r\nHost: a\r\nx!#\$%&'*+-.^`|~0Z: y\r\n\r\n");
is_deeply(all($d, "x!#\$%&'*+-.^`|~0Z"), ['y'], 'goes on');
$d = sees('order', "GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\nX: 2\r\nY: 3\r\nX: 4\r\n\r\n");
is_deeply(all($d, 'X'), [ 1, 2, 4 ], 'of equal fields is kept');
$d = sees('an underscore', "GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\nX-Y: 2\r\nContent_Length: 7\r\nTransfer_Encoding: chunked\r\n\r\n");
unlike(names($d), qr/_/, 'is dropped');

# ---- bodies

$d = sees('GET with a body', "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
is($d->{body}, 'hello', 'keeps it');
$d = sees('DELETE with a chunked one', "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ChunKed\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
is($d->{body}, 'hello', 'too');
$d = sees('POST without one', "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
is($d->{body}, '', 'has none');
$d = sees('a length of 0', "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
is_deeply(all($d, 'Content-Length'), ['0'], 'is said upstream');
$d = sees('a length with zeros', "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello");
is($d->{body}, 'hello', 'is decimal');
like(all($d, 'Content-Length')->[0] // 5, qr/^5$/, 'and plain upstream');
$d = sees('a body of HTTP/1.0', "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", closes => 1);
is($d->{body}, 'hello', 'goes on');

# ---- wishes

$d = sees('Upgrade in HTTP/1.0', "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", closes => 1);
is_deeply(all($d, 'Upgrade'), [], 'is ignored');
$d = sees('Upgrade that Connection does not name', "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
is_deeply(all($d, 'Upgrade'), [], 'is ignored');
$d = sees('Upgrade to h2c', "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n");
unlike(names($d), qr/upgrade|http2|connection/, 'is not passed on');
$d = sees('Upgrade with a body', "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello");
is($d->{body}, 'hello', 'is a request without it');
is_deeply(all($d, 'Upgrade'), [], 'and says so upstream');
$d = sees('Upgrade', "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n");
is_deeply(all($d, 'Upgrade'), ['websocket'], 'is asked of the upstream');
is_deeply([ map { lc } @{ all($d, 'Connection') } ], ['upgrade'], 'with its Connection');
$d = sees('Expect of HTTP/1.0', "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", closes => 1);
is_deeply(all($d, 'Expect'), [], 'is ignored');
sees('an unknown one too', "POST / HTTP/1.0\r\nExpect: magic\r\nContent-Length: 5\r\n\r\nhello", closes => 1);
$d = sees('Expect without a body', "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
is_deeply(all($d, 'Expect'), [], 'is not asked of the upstream');
$d = sees('TE: trailers', "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, deflate;q=0.5\r\nConnection: TE\r\n\r\n");
like(join(',', @{ all($d, 'TE') }), qr/^(?:trailers)?$/, 'is weir\'s own upstream');
ok(!@{ all($d, 'TE') } || (grep { lc eq 'te' } map { split /\s*,\s*/ } @{ all($d, 'Connection') }), 'and named by Connection');
$d = sees('Via', "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred, 1.1 p.example\r\n\r\n");
like(join(', ', @{ all($d, 'Via') }), qr/^1\.0 fred, 1\.1 p\.example, 1\.1 \S+$/, 'is appended to');
$d = sees('Via of HTTP/1.0', "GET / HTTP/1.0\r\nHost: a\r\n\r\n", closes => 1);
like(join(', ', @{ all($d, 'Via') }), qr/^1\.0 \S+$/, 'says the version that was received');

done_testing;
