# HTTP/1.0 clients: no chunks, no 1xx, and closed behind the answer.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo', chunked => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/chunked/* = 127.0.0.1:@UPSTREAM:chunked@
INI
    $c->each_request(sub ($c, $m) {
        $c->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        $c->chunk($_) for qw(one two three);
        $c->send("0\r\nX-T: 1\r\n\r\n") unless $m->target =~ /cut/;
        return $m->target =~ /cut/ ? 'stop' : '';
    });
} });

my $c = $w->conn;
$c->send("GET /a HTTP/1.0\r\nHost: localhost\r\n\r\n");
my $m = $c->recv_response;
is($m->status, 200, 'a request');
is($m->version, '1.1', 'weir speaks its own version');
is($c->closed(timeout => 5), 'fin', 'and closes');

$c = $w->conn;
$c->send("GET /b HTTP/1.0\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n");
$m = $c->recv_response;
is(lc($m->field('Connection') // ''), 'close', 'keep-alive is not granted: no proxy may (RFC 9112 9.3)');
is($c->closed(timeout => 5), 'fin', 'and the connection closed');

$c = $w->conn;
$c->send("GET /chunked/ HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
$m = $c->recv_response;
ok(!$m->has('Transfer-Encoding'), 'no chunks');
is($m->body, 'onetwothree', 'the body as it is');
is($c->closed(timeout => 5), 'fin', 'ended by closing');

$c = $w->conn;
$c->send("GET /chunked/cut HTTP/1.0\r\nHost: localhost\r\n\r\n");
$m = $c->recv_response;
is($m->ended, 'rst', 'one that is cut off ends with a reset: nothing else tells the client');

is($w->raw("GET /none HTTP/1.0\r\n\r\n") =~ m{^HTTP/1\.1 (\d+)} && $1, 200, 'no Host is needed in 1.0 where any host will do');

my $d = $w->get_json('/upstream', version => '1.0', fields => [ Upgrade => 'websocket', Connection => 'upgrade' ]);
is($d->{version}, '1.1', 'upstreams are spoken to in 1.1');
is(scalar Weir::echoed($d, 'Upgrade'), 0, 'Upgrade in HTTP/1.0 is ignored');

done_testing;
