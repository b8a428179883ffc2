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
my @measure = ('-p', $w->port, qw(-k 16 -t 5));
$w->storm(@measure, '-d', 1);
my $quiet = $w->storm(@measure, '-d', scale(2, 10));
my $before = $w->pss($pid);

$w->storm_start(@measure, '-r', '-l', $n, '-L', 2000, '-d', scale(5, 20));
my $most = 0;
until ($w->storming) {    # its report is not there yet
    my $kb = $w->pss($pid) // 0;
    $most = $kb if $kb > $most;
    select undef, undef, undef, 0.2;
}
my $r = $w->storm_end;
note(explain($r));
is($r->{loris_open}, $n, "$n of them are there to the end");
is($r->{loris_refused} + $r->{loris_ended}, 0, 'none was refused or cut off before its time');
is($r->{failed}, 0, "no request of $r->{requests} failed") or diag($r->{first_failure});
my $each = ($most - $before) / $n;
cmp_ok($each, '<=', 2, sprintf 'each costs %.2f KiB', $each) if slow() == 1;
my $slack = scale(60, 1);    # in the short run other tests run beside it
cmp_ok($r->{p99_ms}, '<=', 2 * $quiet->{p99_ms} + $slack * slow(), "p99 $r->{p99_ms} ms, quiet $quiet->{p99_ms} ms");

done_testing;
