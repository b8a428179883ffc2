# Thousands of clients that drip a byte of a head now and then: others are
# served as before, nobody is refused, and each costs next to nothing.
use v5.36;
use Test::More;
use Weir;

my $n = scale(2000, 10000);
my $w = Weir->new(conf => <<'INI');
[weir]
max_connections = 12000
header_timeout = 60s
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
$w->origin('app');
my ($pid) = $w->workers;
my $seconds = scale(2, 10);
my @measure = ('-p', $w->port, qw(-k 16 -t 5 -d), $seconds);
$w->storm('-p', $w->port, qw(-k 16 -d 1));
my $before = $w->pss($pid);
my $quiet = $w->storm(@measure)->{p99_ms};

# They stand within a second; the measuring client is a process of its own.
my $loris = $w->storm_start('-p', $w->port, '-l', $n, '-L', 2000, '-d', $seconds + 2);
sleep 2;
my $beside = $w->storm_start(@measure);
my $most = 0;
while ($w->storming($beside)) {
    my $kb = $w->pss($pid) // 0;
    $most = $kb if $kb > $most;
    select undef, undef, undef, 0.2;
}
my $r = $w->storm_end($beside);
my $l = $w->storm_end($loris);
my $after = $w->storm(@measure)->{p99_ms};
$quiet = $after if $after > $quiet;    # a noisy machine is noisy in both

is($l->{loris_open}, $n, "$n of them are there to the end") or diag(explain $l);
is($l->{loris_refused} + $l->{loris_ended}, 0, 'none was refused or cut off before its time');
is($r->{failed}, 0, "no request of $r->{requests} failed") or diag($r->{first_failure});
my $each = ($most - $before) / $n;
cmp_ok($each, '<=', 2, sprintf 'each costs %.2f KiB', $each) if slow() == 1;
my $slack = scale(5, 1) * slow();
cmp_ok($r->{p99_ms}, '<=', 2 * $quiet + $slack, "p99 $r->{p99_ms} ms, quiet $quiet ms");

done_testing;
