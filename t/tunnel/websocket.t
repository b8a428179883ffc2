# WebSocket without a word of configuration: the upgrade is passed on, then
# bytes flow both ways, early ones too, and either side may end its own.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'websocket', talk => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/talk/* = 127.0.0.1:@UPSTREAM:talk@
INI
    my $m = $c->recv_request or return;
    my $head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    $c->send($head . Weir::Upstream::ws_frame(1, 'first'));
    if ($m->target eq '/talk/half') {
        my $got = $c->recv_until_close;
        $c->note("eof after $got");
        $c->send('still here');
    }
    elsif ($m->target eq '/talk/end') { $c->shutdown_write; $c->note('got ' . $c->recv_until_close) }
    elsif ($m->target eq '/talk/reset') { $c->wait_gate('reset'); $c->reset }
} });

sub upgrade ($path, $more = '') {
    my $c = $w->conn;
    $c->send($w->request_text($path, fields => [
        Upgrade => 'websocket', Connection => 'keep-alive, Upgrade',
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version' => 13,
    ]) . $more);
    return ($c, $c->recv_response);
}
sub frame ($text, $op = 1) { Weir::Upstream::ws_frame($op, $text, mask => 1) }

my ($c, $m) = upgrade('/chat');
is($m->status, 101, 'upgraded');
is(lc $m->field('Upgrade'), 'websocket', 'to what was asked for');
ok((grep { $_ eq 'upgrade' } $m->list('Connection')), 'and Connection says so');
is($m->field('Sec-WebSocket-Accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'the answer to the key is kept');
ok(!$m->has('Content-Length') && !$m->has('Transfer-Encoding'), 'no framing');
for my $n (1, 125, 126, 65535, 65536, 1_000_000) {
    $c->send(frame(pattern($n)));
    is(($c->recv_frame)[1], pattern($n), "a frame of $n bytes there and back");
}
$c->send(frame("a$_")) for 1 .. 50;
is(join(' ', map { ($c->recv_frame)[1] } 1 .. 50), join(' ', map { "a$_" } 1 .. 50), 'fifty in a row');
$c->send(frame('', 8));
is(($c->recv_frame)[0], 8, 'closed by the protocol');
is($c->closed(timeout => 5), 'fin', 'and the connection ends');

($c, $m) = upgrade('/early', frame('early'));
is(($c->recv_frame)[1], 'early', 'a frame sent behind the request, before the 101');
$c->close;

($c, $m) = upgrade('/talk/half');
is(($c->recv_frame)[1], 'first', 'a frame sent with the 101');
$c->send('bye');
$c->shutdown_write;
is($c->recv_until_close, 'still here', 'the client ends its direction, the other goes on');
ok($w->wait_note(qr/eof after bye/), 'the upstream saw the end');

($c, $m) = upgrade('/talk/end');
is(($c->recv_frame)[1], 'first');
is($c->closed(timeout => 5), 'fin', 'the upstream ends its direction');
$c->send('last words');
$c->close;
ok($w->wait_note(qr/got last words/), 'the client could still speak');

($c, $m) = upgrade('/talk/reset');
$c->recv_frame;
$w->open_gate('reset');
ok($c->closed(timeout => 5), 'a reset of the upstream ends the tunnel');

my ($req) = $w->upstream_got('app');
is(lc $req->field('Upgrade'), 'websocket', 'the upstream was asked for the upgrade');
ok((grep { $_ eq 'upgrade' } $req->list('Connection')), 'with Connection');
is($req->field('Sec-WebSocket-Version'), '13');

my $end = $w->ended_requests;
is($end->{'/chat'}{status}, 101, '101 in the log');
cmp_ok($end->{'/chat'}{body_bytes_sent}, '>', 1_000_000, 'with the bytes that flowed');
is($end->{'/chat'}{reason}, '', 'and no failure');
done_testing;
