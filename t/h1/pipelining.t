# Requests that come together are answered one after another, in order, each
# with its own answer, however the bytes are cut.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo', slow => [ slow => ms => 100 ], big => 'sized' });
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/slow/* = 127.0.0.1:@UPSTREAM:slow@
/big/* = 127.0.0.1:@UPSTREAM:big@
/here = status:200 here
INI

sub target ($m) { $m && decode_json($m->body)->{target} }

my $c = $w->conn;
$c->send(join '', map { $w->request_text("/$_") } 1 .. 20);
is_deeply([ map { target($c->recv_response) } 1 .. 20 ], [ map { "/$_" } 1 .. 20 ], 'twenty at once, in order');

$c = $w->conn;
$c->send($w->request_text('/slow/1') . $w->request_text('/here') . $w->request_text('/2', body => 'x' x 100) . $w->request_text('/3'));
is($c->recv_response->body, 'slow', 'a slow one first');
is($c->recv_response->status, 200, 'then what was faster');
is(decode_json($c->recv_response->body)->{body}, 'x' x 100, 'then one with a body');
is(target($c->recv_response), '/3', 'then the one after the body');

$c = $w->conn;
$c->drip(join '', map { $w->request_text("/$_", body => "body$_") } 1 .. 3);
is_deeply([ map { decode_json($c->recv_response->body)->{body} } 1 .. 3 ], [qw(body1 body2 body3)], 'byte by byte');

# A body as chunks, the next request in the same packet.
$c = $w->conn;
$c->send("POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" . $w->request_text('/after'));
is(decode_json($c->recv_response->body)->{body}, 'hello', 'chunks');
is(target($c->recv_response), '/after', 'and what came behind their end');

# Many large answers to a client that reads late.
$c = $w->conn;
$c->send(join '', map { $w->request_text("/big/?bytes=300000") } 1 .. 10);
my $good = 0;
for (1 .. 10) {
    my $m = $c->recv_response or last;
    $good++ if $m->clean && $m->body eq pattern(300_000);
}
is($good, 10, 'large answers whole');

# The last may ask to close; what comes behind it is not answered.
$c = $w->conn;
$c->send($w->request_text('/1') . $w->request_text('/2', close => 1) . $w->request_text('/3'));
is(target($c->recv_response), '/1');
is(target($c->recv_response), '/2');
is($c->recv_until_close, '', 'nothing behind Connection: close');
is($c->closed, 'fin', 'which ends it cleanly');
is(scalar(grep { $_->target eq '/3' && $_->{conn} > 20 } $w->upstream_got('app')), 0, 'nor sent upstream');

done_testing;
