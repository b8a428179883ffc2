# weir explain: server, route, upstream, why the others lost and what would be
# sent, each with FILE:LINE; nothing runs and nothing is opened.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(start => 0, conf => <<'INI');
[weir]
trusted_proxies = 10.0.0.0/8

[server shop.example www.shop.example]
listen = 127.0.0.1:8080
/api/* = api
/* = app
/old/* = redirect:301 https://new.example%{rest}
/healthz = status:200 fine

[server *.example]
listen = 127.0.0.1:8080
/only = app

[server admin.example]
listen = 127.0.0.1:8081
/* = app
host = inner.example

[route shop.example/api/* writes]
to = app
if.method = POST
if.header.X-Beta = on
strip = /api

[upstream app]
server.one = 127.0.0.1:9001 weight=2
server.two = 127.0.0.1:9002 backup

[upstream api]
server = localhost:9003

[server tls.example]
listen = 127.0.0.1:8080
/* = https://10.0.0.1
/named/* = secure

[upstream secure]
server.one = 10.0.0.2:8443
tls = on
tls.name = app.internal
INI
my $file = $w->conf_file;
my @text = split /\n/, do { open my $fh, '<', $file or die; local $/; <$fh> };
sub line_of ($key) { my ($n) = grep { index($text[$_], $key) == 0 } 0 .. $#text; return "$file:" . (1 + ($n // -1)) }

sub explained (@args) { my ($code, $out) = $w->run('explain', '-c', $file, @args); return ($out, $code) }
sub says ($out, $line, $name) { ok(index("\n$out", "\n$line") >= 0, $name) or diag("wanted: $line\n$out") }

my ($out, $code) = explained('http://shop.example:8080/api/v1?x=1');
is($code, 0, 'explained');
says($out, 'request: GET /api/v1?x=1 HTTP/1.1', 'the request');
says($out, "listen: 127.0.0.1:8080 (" . line_of('listen = 127.0.0.1:8080') . "): the port of the URL", 'the listener');
says($out, "server: shop.example (" . line_of('[server shop') . "): its name \"shop.example\" fits", 'the server');
says($out, "    not: *.example (" . line_of('[server *.example') . "): \"*.example\" fits less closely", 'a wildcard lost');
says($out, "    not: admin.example (" . line_of('[server admin') . "): does not listen on 127.0.0.1:8080", 'another listener lost');
says($out, "route: shop.example/api/* (" . line_of('/api/*') . "): the longest prefix that fits", 'the route');
says($out, "    not: shop.example/api/* writes (" . line_of('[route') . "): its path fits, but if.method does not name the request's method ("
        . line_of('if.method') . ")", 'why one with conditions lost');
says($out, "    not: shop.example/* (" . line_of('/* = app') . "): a shorter prefix", 'why a shorter one lost');
says($out, "    not: shop.example/healthz (" . line_of('/healthz') . "): another path", 'why another path lost');
says($out, "upstream: api (" . line_of('[upstream api') . "): the route's target (" . line_of('/api/*') . ")", 'the upstream');
says($out, "    server: localhost:9003 (" . line_of('server = localhost') . ")", 'its server');
says($out, "    GET /api/v1?x=1 HTTP/1.1\n    Host: shop.example:8080\n", 'what would be sent');
like($out, qr/^    X-Forwarded-For: 127\.0\.0\.1$/m, 'with the client');

($out, $code) = explained('-X', 'POST', '-H', 'X-Beta: on', '-H', 'X-Forwarded-For: 203.0.113.9', '-a', '10.0.0.1', 'http://WWW.shop.example:8080/api/v1');
says($out, "client: 203.0.113.9 (" . line_of('trusted_proxies') . "): 10.0.0.1 is in trusted_proxies and is believed", 'a trusted proxy');
says($out, "route: shop.example/api/* writes (" . line_of('[route') . "): the longest prefix that fits, and its 2 conditions hold", 'conditions that hold');
says($out, "    server: one = 127.0.0.1:9001 weight=2 (" . line_of('server.one') . ")", 'a server with a name');
says($out, "path to upstream: /v1 (" . line_of('strip') . "): strip takes off /api", 'the path is rewritten');
says($out, "    POST /v1 HTTP/1.1\n", 'and sent so');
like($out, qr/^    X-Forwarded-For: 203\.0\.113\.9, 10\.0\.0\.1$/m, 'with the chain');

($out) = explained('-X', 'POST', '-H', 'X-Beta: off', 'http://shop.example:8080/api/v1');
like($out, qr/its path fits, but if\.header\.X-Beta = on does not hold \(\Q@{[ line_of('if.header') ]}\E\)/, 'a header that does not fit');

($out) = explained('http://shop.example:8080/old/x?y');
says($out, "answer: (" . line_of('/old') . "): weir itself, 301 with Location: https://new.example/x", 'a redirect');
unlike($out, qr/^sent:/m, 'is sent nowhere');
($out) = explained('http://shop.example:8080/old/%2F');
unlike($out, qr/Location/, 'nor redirected when it is refused before');
($out) = explained('-l', '127.0.0.1:8080', '-H', 'Host: shop.example', '/healthz');
says($out, "answer: (" . line_of('/healthz') . "): weir itself, 200 fine", 'a fixed answer');
says($out, "listen: 127.0.0.1:8080 (" . line_of('listen') . "): named by -l", '-l');

($out) = explained('http://tls.example:8080/x');
says($out, "upstream: https://10.0.0.1:443 (", 'an upstream by TLS');
says($out, "    server: https://10.0.0.1:443 (" . line_of('/* = https') . ")", 'its server');
($out) = explained('http://tls.example:8080/named/x');
says($out, "    server: one = https://10.0.0.2:8443 (" . line_of('server.one = 10.0.0.2') . ")", 'a named one');
says($out, "    GET /named/x HTTP/1.1\n    Host: tls.example:8080\n", 'Host is not the name of the certificate');
($out, $code) = explained('http://a.example:8080/other');
is($code, 0, 'a request that has no route can be explained');
says($out, "answer: weir itself, 404 Not Found, reason no_route:", 'no route');
($out) = explained('http://other.test:8080/');
says($out, "answer: weir itself, 421 Misdirected Request, reason no_server:", 'no server');
($out) = explained('http://shop.example:8080/a%2Fb');
says($out, "answer: weir itself, 400 Bad Request, reason ambiguous_path:", 'an ambiguous path');
($out) = explained('-H', 'Content-Length: x', 'http://shop.example:8080/');
says($out, "answer: weir itself, 400 Bad Request, reason bad_content_length:", 'a bad request');
($out) = explained('-X', 'TRACE', 'http://shop.example:8080/');
says($out, "answer: weir itself, 405 Method Not Allowed, reason method_refused:", 'a method that is refused');
($out) = explained('-X', 'OPTIONS', '-H', 'Host: shop.example', '-l', '127.0.0.1:8080', '*');
says($out, "answer: weir itself, 204 No Content", 'OPTIONS *');
($out) = explained('http://admin.example:8081/x');
says($out, "host to upstream: inner.example (" . line_of('host') . "): host replaces admin.example:8081", 'another Host');

($out, $code) = explained("http://shop.example:8080/\e[31m");
unlike($out, qr/\e/, 'nothing reaches a terminal that it would obey');

($out, $code) = explained();
is($code, 2, 'no URL is wrong use');
like($out, qr/^usage: weir explain/m, 'and says how');
is((explained('-l', ':99', 'http://x/'))[1], 2, 'no such listener');
is((explained('-a', 'x', 'http://x/'))[1], 2, 'no address');
is((explained('ftp://x/'))[1], 2, 'no such scheme');
$w->write_file('bad.ini', "[server x]\nproxi = y\n");
my ($bad, $said) = $w->run('explain', '-c', "$w->{dir}/bad.ini", 'http://x/');
is($bad, 1, 'a bad configuration');
like($said, qr/bad\.ini:2: error: /, 'is named');
ok(!-e "$w->{dir}/weir.pid", 'no process was started');

done_testing;
