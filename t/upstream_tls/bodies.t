# Long bodies over TLS, both ways, whole; who is slow makes the other end wait
# and costs bounded memory.
use v5.36;
use Digest::SHA 'sha256_hex';
use Test::More;
use Weir;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream app]
server = https://127.0.0.1:@UPSTREAM:app@
tls.ca = @DIR@/ca.pem
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
/collect/* = app
[route */collect/*]
buffer = request response
INI
Weir::TlsOrigins->new($w)->origin('app')->start;
$w->start;

my $big = pattern(10 << 20);
my $sum = sha256_hex($big);

for my $at ('', '/collect') {
    my $m = $w->get("$at/bytes?n=" . length $big);
    ok($m->clean && $m->body eq $big, "10 MiB down $at");
    my $got = $w->get_json("$at/up", body => $big, timeout => 30);
    is("$got->{bytes} $got->{sha256}", length($big) . " $sum", "10 MiB up $at");
    my $chunks = join '', map { sprintf("%x\r\n", length) . "$_\r\n" } unpack '(a100000)*', $big;
    $got = $w->get_json("$at/up", body => "${chunks}0\r\n\r\n", fields => [ 'Transfer-Encoding' => 'chunked' ], timeout => 30);
    is("$got->{bytes} $got->{sha256}", length($big) . " $sum", "10 MiB up in chunks $at");
}
my $m = $w->get('/close?end=notify&n=' . length $big);
ok($m->clean && $m->body eq $big, '10 MiB to the end of the connection');
$m = $w->get('/slow?n=200000&ms=10');
ok($m->clean && $m->body eq pattern(200_000), 'in pieces that come slowly');

# A client that takes 64 KiB a second.
my ($pid) = $w->workers;
my $before = $w->pss($pid);
my $slow = $w->conn(rcvbuf => 32768);
$slow->send($w->request_text('/bytes?n=' . (100 << 20)));
is($slow->recv_response(head_only => 1)->status, 200, '100 MiB for a slow client');
my $most = 0;
for my $tick (1 .. 12) {
    is($slow->discard(16384), 16384, "it flows ($tick)");
    my $m = $w->pss($pid);
    $most = $m if $m > $most;
    select undef, undef, undef, 0.25;
}
is($w->get('/other')->status, 200, 'others are served meanwhile');
my $grown = $most - $before;
cmp_ok($grown, '<=', 1024 * slow(), "memory has grown by $grown KiB");
$slow->close;

# A server that takes nothing.
$before = $w->pss($pid);
my $c = $w->conn(sndbuf => 65536);
my $size = 50 << 20;
$c->send("POST /stall HTTP/1.1\r\nHost: a\r\nContent-Length: $size\r\n\r\n");
my $sent = 0;
my $block = pattern(65536);
while ($sent < $size) {
    my $n = $c->send($block, timeout => 1);
    $sent += $n;
    last if $n < 65536;
}
cmp_ok($sent, '<', 20 << 20, "a client is made to wait (after $sent bytes)");
$grown = $w->pss($pid) - $before;
cmp_ok($grown, '<=', 1024 * slow(), "memory has grown by $grown KiB");
$w->write_file('tls_origins.json.go', '');
my $rest = substr(pattern(65536), $sent % 65536);
$sent += $c->send($rest, timeout => 20) if $sent % 65536;
while ($sent < $size) { $sent += $c->send($block, timeout => 20) || last }
my $answer = $c->recv_response;
is($answer && JSON::PP->new->decode($answer->body)->{bytes}, $size, 'and goes on when the server does');

is(join(' ', grep { $_ ne 'client_closed' } grep { $_ } map { $_->{reason} } values %{ $w->ended_requests }), '', 'nothing has failed');
done_testing;
