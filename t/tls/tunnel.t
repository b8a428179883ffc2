# WebSocket over TLS: an upgrade becomes a tunnel, with bytes both ways, early
# ones too, and either side may end its own.
use v5.36;
use Test::More;
use Time::HiRes 'time';
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI', upstream => { app => 'websocket', talk => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
/talk/* = 127.0.0.1:@UPSTREAM:talk@
INI
    my $m = $c->recv_request or return;
    $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" . Weir::Upstream::ws_frame(1, 'first'));
    if ($m->target eq '/talk/half') {
        $c->note('eof after ' . $c->recv_until_close);
        $c->send('still here');
    }
    elsif ($m->target eq '/talk/end') { $c->shutdown_write; $c->note('got ' . $c->recv_until_close) }
    elsif ($m->target eq '/talk/reset') { $c->wait_gate('reset'); $c->reset }
    elsif ($m->target eq '/talk/flood') {
        my $n = 0;
        for (1 .. 160) { $n += $c->send(pattern(65536), timeout => 30) }
        $c->note("flood $n");
        $c->shutdown_write;
        $c->note('back ' . length $c->recv_until_close);
    }
} });
Weir::Certs::make($w->dir);
$w->start;

my $version;
sub upgrade ($path, $more = '', %o) {
    my $c = Weir::Tls::stream($w, 'https', max => $version, %o);
    $c->send($w->request_text($path, fields => [
        Upgrade => 'websocket', Connection => 'keep-alive, Upgrade',
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version' => 13,
    ]) . $more);
    return ($c, $c->recv_response);
}
sub frame ($text, $op = 1) { Weir::Upstream::ws_frame($op, $text, mask => 1) }

for $version ('1.2', '1.3') {
    my ($c, $m) = upgrade("/chat/$version");
    is($m->status, 101, "TLS $version: upgraded");
    for my $n (1, 126, 65536, 300_000) {
        $c->send(frame(pattern($n)));
        is(($c->recv_frame)[1], pattern($n), "a frame of $n bytes there and back");
    }
    $c->send(frame("a$_")) for 1 .. 50;
    is(join(' ', map { ($c->recv_frame)[1] // '' } 1 .. 50), join(' ', map { "a$_" } 1 .. 50), 'fifty in a row');
    $c->send(frame('', 8));
    is(($c->recv_frame)[0], 8, 'closed by the protocol');
    is($c->end, 'close_notify', 'and the connection ends, with close_notify');

    ($c, $m) = upgrade('/early', frame('early'));
    is(($c->recv_frame)[1], 'early', 'a frame sent behind the request, before the 101');
    $c->close;

    for my $rude (0, 1) {
        ($c, $m) = upgrade('/talk/half', '', rude => $rude);
        is(($c->recv_frame)[1], 'first', 'a frame sent with the 101');
        $c->send("bye $version $rude");
        $c->shutdown_write;
        is($c->recv_until_close, 'still here', 'the client ends its direction' . ($rude ? ' with a FIN alone' : '') . ', the other goes on');
        is($c->end, 'close_notify', 'to its end');
        ok($w->wait_note(qr/eof after bye \Q$version $rude\E/), 'the upstream saw the end');
    }

    ($c, $m) = upgrade('/talk/end');
    is(($c->recv_frame)[1], 'first', 'a frame');
    is($c->end, 'close_notify', 'the upstream ends its direction: close_notify');

    ($c, $m) = upgrade('/talk/reset');
    $c->recv_frame;
    $w->open_gate('reset');
    isnt($c->end, 'close_notify', 'a reset of the upstream: none');
    unlink $w->dir . '/gate.reset';
}

# Ten megabytes each way at once, and slowly at that.
$version = '1.3';
my ($c) = upgrade('/talk/flood', '', rcvbuf => 8192);
$c->recv_frame;
my $sent = 0;
my $got = '';
my $want = pattern(65536) x 160;
my $until = time + 30 * slow();
while (($sent < length $want || length $got < length $want) && time < $until) {
    $sent += $c->send(substr($want, $sent, 65536), timeout => 0) if $sent < length $want;
    $c->fill(time + ($sent < length $want ? 0 : 1)) if length $got < length $want;
    $got .= $c->{in};
    $c->{in} = '';
}
is(length $got, length $want, 'ten megabytes from the upstream, while as many go there');
ok($got eq $want, 'byte by byte');
$c->shutdown_write;
ok($w->wait_note(qr/back @{[ length $want ]}$/), 'and they arrive');

my $end = $w->ended_requests;
is($end->{'/chat/1.3'}{status}, 101, '101 in the log');
is($end->{'/chat/1.3'}{reason}, '', 'without a fault');

done_testing;
