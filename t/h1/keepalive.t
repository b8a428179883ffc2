# A client's connection serves one request after another until one side says
# close; then it is ended by a FIN and never by a reset.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[weir]
keepalive_requests = 4
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

my $c = $w->conn;
is($w->get_json("/$_", on => $c)->{target}, "/$_", "request $_ on one connection") for 1 .. 3;
my $last = $w->get('/4', on => $c);
ok($last->closes, 'the last of keepalive_requests says close');
is($c->closed(timeout => 5), 'fin', 'and the connection ends cleanly');

for my $value ('close', 'foo, close', 'CLOSE', 'keep-alive, close', "foo\r\nConnection: close") {
    $c = $w->conn;
    my $m = $w->get('/', on => $c, fields => [ Connection => $value ]);
    ok($m->status == 200 && $m->closes, "answered with close: Connection: " . $value =~ s/\r\n/ | /r);
    is($c->closed(timeout => 5), 'fin', 'closed');
}

$c = $w->conn;
ok(!$w->get('/', on => $c, fields => [ Connection => 'closed' ])->closes, 'a longer word than close is not close');
is($w->get('/', on => $c)->status, 200, 'the connection goes on');

# Empty lines before a request line are tolerated (RFC 9112 2.2).
$c = $w->conn;
$c->send("\r\n" . $w->request_text('/empty'));
is($c->recv_response->status, 200, 'an empty line before the request');
$c->send("\r\n" . $w->request_text('/again'));
is($c->recv_response->status, 200, 'and between two');

done_testing;
