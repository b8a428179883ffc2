# The time that a client has: each limit has its name and its reason, comes
# when it should, and is not met by a client that keeps to it.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo', big => 'sized' });
[weir]
header_timeout = 600ms
body_timeout = 700ms
body_rate = 2k
keepalive_timeout = 1s
send_timeout = 800ms
linger = 500ms
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/big/* = 127.0.0.1:@UPSTREAM:big@
INI

# All at once, so that the test takes as long as the longest.
my %c = map { $_ => $w->conn } qw(silent head dripping body rate keepalive steady);
my $stalled = $w->conn(rcvbuf => 4096);
my $t = time;
$c{head}->send("GET /head HTTP/1.1\r\nHost: a\r\n");
$c{body}->send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
$c{rate}->send("POST /rate HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
$c{steady}->send("POST /steady HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
$c{dripping}->send("GET /dripping HTTP/1.1\r\nHost: a\r\nX: ");
$stalled->send($w->request_text('/big/?bytes=200000000'));
is($w->get('/k', on => $c{keepalive})->status, 200);

my (%at, %got);
my ($steady, $limit) = (0, time + 6 * slow());
while (time < $limit && grep { !$at{$_} } keys %c) {
    $c{dripping}->send('x') unless $at{dripping};
    $c{rate}->send('y' x 5) unless $at{rate};
    $c{steady}->send("z" x 1000), $steady += 1000 if $steady < 20000;
    for my $name (grep { !$at{$_} } keys %c) {
        $c{$name}->fill(time);
        if ($c{$name}{ended} || $c{$name}{in} =~ /\r\n\r\n/) {
            $at{$name} = time - $t;
            $got{$name} = $c{$name}{in} =~ m{^HTTP/1\.1 (\d+)} ? $1 : $c{$name}{ended};
        }
    }
    sleep 0.05;
}
my $slack = 1.2 * slow();
sub came ($name, $low, $what, $why, $late = 0) {
    is($got{$name}, $what, $why);
    ok(defined $at{$name} && $at{$name} > $low - 0.05 && $at{$name} < $low + $late + $slack, "at its time ($name, $low s)")
        or diag($at{$name} // 'never');
}
# The kernel keeps a connection that says nothing to itself for a second or two.
came(silent    => 0.6, 'fin', 'header_timeout: a connection without a byte is closed', 2);
came(head      => 0.6, '408', 'header_timeout: half a head');
came(dripping  => 0.6, '408', 'header_timeout: one that drips is no better');
came(body      => 0.7, '408', 'body_timeout: a pause in a body');
came(rate      => 0.7, '408', 'body_rate: a body that drips');
came(keepalive => 1.0, 'fin', 'keepalive_timeout: an idle connection is closed');
is($got{steady}, 200, 'a body that keeps to the rate is not hurried');

ok($w->wait_access(qr/client_stalled/, 5), 'send_timeout: a client that takes nothing');
my $end = $w->ended_requests;
is("$end->{'/body'}{status} $end->{'/body'}{reason}", '408 body_timeout', 'reasons in the log');
is("$end->{'/rate'}{status} $end->{'/rate'}{reason}", '408 body_timeout');
is($end->{'/big/?bytes=200000000'}{reason}, 'client_stalled');
is(scalar(grep { $_->{reason} eq 'header_timeout' && $_->{status} == 408 } $w->access), 2, 'header_timeout twice; silence is no request');
done_testing;
