# Ten deaths in a second start a back-off, not a fork storm; somebody serves
# all the time.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[weir]
workers = 3
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
$w->expect_death(10000);

# Every worker but one is killed as soon as it is there, for two seconds.
my ($spared) = $w->workers;
my %killed;
my $until = time + 2;
while (time < $until) {
    for my $pid (grep { $_ != $spared } $w->workers) { $killed{$pid} = 1, kill 'KILL', $pid unless $killed{$pid} }
    sleep 0.002;
}
my $n = keys %killed;
cmp_ok($n, '>=', 10, "workers were killed ($n)");
cmp_ok($n, '<', 40, 'there was no storm of forks');
ok($w->wait_log(qr/ warn .*die again and again; the next start waits delay_ms=\d+/), 'the log tells of the back-off');
is($w->get('/')->status, 200, 'it serves all the while');
ok(until_true(sub { $w->workers == 3 }, 15), 'all seats are taken again in the end');

# All of them are killed: the last seat never waits longer than 100 ms.
my ($gap, $gone) = (0, 0);
$until = time + 2;
while (time < $until) {
    my @now = $w->workers;
    kill 'KILL', @now if @now;
    if (@now) { $gap = time - $gone if $gone && time - $gone > $gap; $gone = 0 }
    else { $gone ||= time }
    sleep 0.001;
}
cmp_ok($gap, '<', 1.5 * slow(), sprintf 'never without a worker for long (%.0f ms)', 1000 * $gap);
ok(until_true(sub { $w->get('/')->status eq 200 }, 3), 'and it serves');

done_testing;
