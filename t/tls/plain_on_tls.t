# Plain HTTP on a port that speaks TLS is answered 400 with an explanation, as
# a request like others: reason, log line, page.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;

my $m = $w->get('/a/page?x=1', host => 'site.example');
is($m->status, 400, 'plain HTTP: 400');
like($m->field('Content-Type'), qr{^text/html}, 'a page');
like($m->body, qr/plain_on_tls|TLS|HTTPS/i, 'that explains') or diag($m->body);
ok($m->closes, 'and the connection ends');
for my $method (qw(POST PUT DELETE OPTIONS)) {
    is($w->get("/$method", method => $method, body => 'some data')->status, 400, "$method: 400");
}
my $head = $w->get('/head', method => 'HEAD');
is($head->status, 400, 'HEAD: 400');
is($head->body, '', 'without a body');
like($w->raw("GET /old HTTP/1.0\r\n\r\n"), qr{^HTTP/1\.[01] 400 }, 'HTTP/1.0: 400');
like($w->raw("GET\r\n\r\n"), qr{^HTTP/1\.1 400 }, 'what begins like HTTP: 400');
my $c = $w->conn;
$c->drip("GET /drip HTTP/1.1\r\nHost: a\r\n\r\n");
is($c->recv_response->status, 400, 'byte by byte: 400');
like($w->raw("GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n"), qr{^HTTP/1\.1 400 (?!.*HTTP/1\.1 )}s, 'two at once: one answer');

# curl with http:// where https:// was meant.
is($w->curl('-o', '/dev/null', '-w', '%{http_code}', 'http://localhost:' . $w->port('https') . '/curl'), 400, 'curl: 400');

# What is neither is told by TLS.
is(Weir::Tls::alert($w->raw("get / http/1.1\r\n\r\n")), undef, 'small letters are no HTTP');
is(scalar $w->upstream_got('app'), 0, 'nothing went to the upstream');
is(Weir::Tls::ask($w, 'https')->{status}, 200, 'TLS is served all the while');

my $end = $w->ended_requests;
is($end->{$_}{status} . ' ' . $end->{$_}{reason}, '400 plain_on_tls', "$_ in the log") for '/a/page?x=1', '/POST', '/head', '/drip', '/one', '/curl';
is($end->{'/a/page?x=1'}{scheme}, 'http', 'as plain HTTP');
is($end->{'/a/page?x=1'}{host}, 'site.example', 'with its Host');
is($end->{'/two'}, undef, 'and nothing of what came behind');

done_testing;
