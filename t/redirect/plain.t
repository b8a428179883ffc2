# What plain HTTP does on a server with certificates: 308 to https, in one hop
# to the canonical host, with path and query as they came; or it is served.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' });
Weir::Certs::make($w->dir, hosts => ['*.example']);
$w->configure(<<'INI');
[defaults]
listen = 127.0.0.1:@PORT:http@, 127.0.0.1:@PORT:tls@ tls
tls = @DIR@/cert.pem @DIR@/cert.key

[server shop.example]
/api/* = 127.0.0.1:@UPSTREAM:app@
/old = redirect:/new
/* = status:200 shop

[server one.example other.example *.one.example]
canonical = one.example
/* = 127.0.0.1:@UPSTREAM:app@

[server both.example alias.example]
http = serve
canonical = both.example
/* = 127.0.0.1:@UPSTREAM:app@

[server *.wild.example first.example]
/* = 127.0.0.1:@UPSTREAM:app@

[server * @hidden]
listen = 127.0.0.1:@PORT:other@, 127.0.0.1:@PORT:tls2@ tls
/* = 127.0.0.1:@UPSTREAM:app@

[server main.example * @named]
listen = 127.0.0.1:@PORT:third@, unix:@SOCK:tls@ tls
/* = 127.0.0.1:@UPSTREAM:app@

[server plain.example www.plain.example]
listen = 127.0.0.1:@PORT:nothing@
tls = off
canonical = www.plain.example
/* = 127.0.0.1:@UPSTREAM:app@

[route /raw/*]
paths = raw
INI
$w->start;
my $tls = $w->port('tls');

sub moved ($host, $target, $location, %o) {
    my $m = $w->get($target, host => $host, %o);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($m->status . ' ' . ($m->field('Location') // ''), "308 $location", ($o{name} // "$host$target") . ': there');
    return $m;
}

# --- to https
my $m = moved('shop.example', '/', "https://shop.example:$tls/");
like($m->field('Content-Type'), qr{^text/plain}, 'with a short text');
moved('shop.example', '/', "https://shop.example:$tls/", method => 'HEAD');
moved('shop.example', '/api/x', "https://shop.example:$tls/api/x", method => 'POST', body => 'x' x 100_000, name => 'a body');
moved('SHOP.example.:8080', '/a', "https://shop.example:$tls/a", name => 'another spelling and port');
moved('shop.example', '/old', "https://shop.example:$tls/old", name => 'one that is a redirection itself');
moved('x.y.wild.example', '/', "https://x.y.wild.example:$tls/", name => 'a name that a pattern takes in');
moved('anything.test', '/', 'https://anything.test:' . $w->port('tls2') . '/', port => 'other', name => 'any name');
moved('anything.test', '/', 'https://anything.test/', port => 'third', name => 'tls on a socket of a path has no port');
moved('[2001:db8::1]:81', '/', 'https://[2001:db8::1]/', port => 'third', name => 'an IPv6 address');

# --- path and query, byte for byte
for my $target ('/a?b', '/a?', '/?', '/a/../b', '/./a//b/', '/%41%7e?%41', '/a;p=1?q=/?', '/?u=https://evil.test/', '//evil.test/x',
    '//evil.test@x/', '/:80/', '/raw/%2f%2F..', '/?a=%0d%0aX:y', "/'()*,!\$&", '/' . 'a' x 7000)
{
    moved('shop.example', $target, "https://shop.example:$tls$target", name => length $target < 99 ? $target : 'a long one');
}
moved('shop.example', '/<">{|}^`', "https://shop.example:$tls/%3C%22%3E%7B%7C%7D%5E%60", name => 'bytes that no URI has are escaped');
moved('shop.example', '/?\\evil.test', "https://shop.example:$tls/?%5Cevil.test", name => 'a backslash too');
moved('shop.example', 'http://shop.example/x?y', "https://shop.example:$tls/x?y", name => 'an absolute target');
moved('shop.example', 'http://shop.example?y', "https://shop.example:$tls/?y", name => 'one without a path');
unlike($w->raw("GET /\rX:y HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"), qr/Location/, 'no line end comes that far');
is($w->get('/', host => 'shop.example@evil.test')->status, 400, 'nor does another authority in Host');
is($w->get('/..%2fx', host => 'shop.example')->status, 400, 'what is refused is not sent on');

# --- no host
my $bare = "GET /x HTTP/1.0\r\n\r\n";
like($w->raw($bare, port => 'other'), qr{^HTTP/1\.1 400 }, 'nobody names a host: refused');
like($w->raw($bare, port => 'third'), qr{\r\nLocation: https://main\.example/x\r\n}, 'the server has a name');
is($w->get('/x', version => '1.0', host => undef)->status, 421, 'where no server takes it nobody does');

# --- the canonical name
moved('other.example', '/a?b', "https://one.example:$tls/a?b", name => 'from plain HTTP and another name in one hop');
moved('x.one.example', '/', "https://one.example:$tls/", name => 'a name that a pattern takes in');
moved('one.example', '/', "https://one.example:$tls/", name => 'its own, for https');
moved('alias.example', '/a?b', 'http://both.example/a?b', name => 'http = serve: to the canonical name with http');
moved('alias.example:8080', '/', 'http://both.example:8080/', name => 'by the same port');
moved('alias.example:80', '/', 'http://both.example/', name => 'which is not written when it is the scheme\'s');
is($w->get_json('/a?b', host => 'both.example')->{target}, '/a?b', 'http = serve: the canonical name is served');
is($w->get_json('/a', host => 'BOTH.example.:99')->{target}, '/a', 'however it is written');
moved('plain.example', '/a', 'http://www.plain.example/a', port => 'nothing', name => 'a server without certificates');
is($w->get_json('/a', host => 'www.plain.example', port => 'nothing')->{target}, '/a', 'is served under its name');

# --- a connection goes on
my $c = $w->conn;
for (1 .. 3) { is($w->get("/$_", on => $c, host => 'shop.example', method => 'POST', body => 'abc')->status, 308, "request $_ of a connection") }

my $ended = $w->ended_requests;
is("$ended->{'/old'}{status} $ended->{'/old'}{reason}", '308 ', 'a redirect is no failure');
ok($ended->{'/?y'}, 'the slash of an absolute target without a path is written, and nothing else with it');
is($ended->{'/old'}{route}, 'shop.example/old', 'and is logged with its route');

done_testing;
