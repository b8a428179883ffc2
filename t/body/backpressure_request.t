# An upload that the upstream does not take costs bounded memory: the client is
# made to wait, and goes on when the upstream does.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/warm/* = 127.0.0.1:@UPSTREAM:warm@
/crumbs/* = 127.0.0.1:@UPSTREAM:crumbs@
INI
$w->upstream(app => sub ($c) {
    my $m = $c->recv_request(head_only => 1) or return;
    $c->note('begun');
    $c->wait_gate('read');
    my $n = $c->discard($m->field('Content-Length'));
    $c->respond(200, $n);
}, record => 4096, rcvbuf => 65536);

# Chunks of one byte are not dearer than large ones.
$w->upstream(crumbs => sub ($c) {
    $c->recv_request(head_only => 1) or return;
    $c->note('crumbs');
    $c->wait_gate('crumbs');
    my $n = 0;
    while ((my $size = hex(($c->recv_line // 0) =~ s/\s+//r)) > 0) { $n += $size; $c->recv_n($size + 2) }
    $c->recv_line;
    $c->respond(200, $n);
}, record => 4096, rcvbuf => 4096);

my $size = 200_000_000;
$w->upstream(warm => 'echo');
is($w->get('/warm/', body => 'x')->status, 200) for 1 .. 10;
my ($pid) = $w->workers;
my $before = $w->pss($pid);
my $c = $w->conn(sndbuf => 65536);
$c->send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: $size\r\n\r\n");

my $sent = 0;
while ($sent < $size) {
    my $n = $c->send(substr(pattern(65536), 0, 65536), timeout => 1);
    $sent += $n;
    last if $n < 65536;
}
ok($w->wait_note(qr/begun/), 'the upload has begun');
cmp_ok($sent, '<', 60_000_000, "the client is made to wait (after $sent bytes)");
my $grown = $w->pss($pid) - $before;
cmp_ok($grown, '<', 1024, "memory has grown by $grown KiB") if slow() == 1;

{
    my $before = $w->pss($pid);
    my $crumbs = $w->conn;
    $crumbs->send("POST /crumbs/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    ok($w->wait_note(qr/crumbs/), 'an upload of crumbs has begun');
    my ($n, $block) = (0, "1\r\nx\r\n" x 10_000);
    for (1 .. 12) {
        my $sent = $crumbs->send($block, timeout => 1);
        $n += $sent;
        last if $sent < length $block;
    }
    my $grown = $w->pss($pid) - $before;
    cmp_ok($grown, '<', 1024, "memory has grown by $grown KiB for $n bytes of them") if slow() == 1;
    $w->open_gate('crumbs');
    my $rest = length($block) * 12 - $n;
    $crumbs->send(substr($block x 12, -$rest)) if $rest;
    $crumbs->send("0\r\n\r\n");
    is($crumbs->recv_response(timeout => 30)->body, 120_000, 'it arrives whole');
}

$w->open_gate('read');
while ($sent < $size) {
    my $left = $size - $sent < 65536 ? $size - $sent : 65536;
    my $n = $c->send('y' x $left);
    last unless $n;
    $sent += $n;
}
is($sent, $size, 'it goes on when the upstream reads');
is($c->recv_response(timeout => 30)->body, $size, 'and arrives whole');

done_testing;
