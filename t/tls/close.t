# How a connection ends: with close_notify when everything was sent, and
# without one when it was not, so that a client can tell a response that ends
# with the connection from one that broke off.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI', upstream => { echo => 'echo', app => sub ($c) {
[weir]
keepalive_timeout = 1s
linger = 500ms
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:echo@
/app/* = 127.0.0.1:@UPSTREAM:app@
INI
    my $m = $c->recv_request or return;
    my $head = "HTTP/1.1 200 OK\r\n";
    my $body = pattern(100_000);
    my %answer = (
        '/app/until-close' => "$head\r\n$body",
        '/app/length-cut'  => "${head}Content-Length: 200000\r\n\r\n$body",
        '/app/chunks-cut'  => "${head}Transfer-Encoding: chunked\r\n\r\n186a0\r\n$body\r\n",
        '/app/reset'       => "$head\r\n$body",
    );
    $c->send($answer{ $m->target });
    if ($m->target eq '/app/reset') { $c->wait_gate('reset'); $c->reset }
} });
Weir::Certs::make($w->dir);
$w->start;

for my $version ('1.2', '1.3') {
    my $ask = sub ($path, %o) {
        my $c = Weir::Tls::stream($w, 'https', max => $version);
        my $m = $w->get($path, on => $c, %o);
        return ($c, $m);
    };
    my ($c, $m) = $ask->('/', fields => [ Connection => 'close' ]);
    is($m->status, 200, "TLS $version: a request with Connection: close");
    is($c->end, 'close_notify', 'ends with close_notify');
    ($c, $m) = $ask->('/', version => '1.0');
    is($c->end, 'close_notify', 'HTTP/1.0: likewise');
    ($c, $m) = $ask->('/');
    is($c->end, 'close_notify', 'an idle connection that is ended: likewise');
    $c = Weir::Tls::stream($w, 'https', max => $version);
    $c->send("nonsense\r\n\r\n");
    is($c->recv_response->status, 400, 'what is no request');
    is($c->end, 'close_notify', 'likewise');

    ($c, $m) = $ask->('/app/until-close', version => '1.0');
    is($m->body, pattern(100_000), 'a response that ends with the connection is whole');
    is($c->end, 'close_notify', 'and says so');
    for my $cut ('/app/length-cut', '/app/chunks-cut') {
        ($c, $m) = $ask->($cut);
        is($m->ended, 'short', "$cut: a response that the upstream broke off");
        isnt($c->end, 'close_notify', 'has no close_notify');
    }
    # In HTTP/1.0 chunks become a response that ends with the connection: there close_notify alone tells.
    ($c, $m) = $ask->('/app/chunks-cut', version => '1.0');
    isnt($c->end, 'close_notify', 'chunks that broke off, to HTTP/1.0: no close_notify');
    $c = Weir::Tls::stream($w, 'https', max => $version);
    $c->send($w->request_text('/app/reset', version => '1.0'));
    my $head = $c->recv_head;
    ok(length($c->recv_n(90_000) // ''), 'a response until the end of the connection, under way');
    $w->open_gate('reset');
    isnt($c->end, 'close_notify', 'and reset by the upstream: no close_notify');
    unlink $w->dir . '/gate.reset';
}

# A client that ends its direction behind a request, in both ways that there are.
for my $rude (0, 1) {
    my $c = Weir::Tls::stream($w, 'https', rude => $rude);
    $c->send($w->request_text('/half'));
    $c->shutdown_write;
    my $m = $c->recv_response;
    is($m && $m->status, 200, ($rude ? 'a FIN without close_notify' : 'close_notify') . ' behind a request: it is answered');
    is($c->end, 'close_notify', 'and ended');
}
my $c = Weir::Tls::stream($w, 'https');
$c->send("POST /half-body HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
$c->shutdown_write;
ok($c->end, 'an end inside a request');
my $end = $w->ended_requests;
is($end->{'/app/chunks-cut'}{reason}, 'upstream_truncated', 'in the log: what broke off');
is($end->{'/half-body'}{reason}, 'client_closed_body', 'and who did');
is($end->{'/half'}{reason}, '', 'and that nothing is wrong with an end behind a request');

done_testing;
