# Reloads under load lose nothing: no request fails, no connection is reset or
# closed under a client's hands, new or kept, and every stream lives on.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
drain = 3s
workers = 2
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(conf => $conf);
$w->origin('app');
$w->get('/1k');

my $reloads = scale(5, 20);
my $seconds = $reloads + 5;
my $think = scale(2, 0);
my $storm = $w->storm_start('-p', $w->port, '-d', $seconds, qw(-k 32 -t 5 -c 16 -s 8 -e 11 -w 11 -T), $think);
my $began = time;
my $good = 0;
for my $n (1 .. $reloads) {
    sleep $began + $n * 0.9 - time if $began + $n * 0.9 > time;
    my ($code, $out) = $w->reload(conf => "$conf; $n\n");
    $code == 0 ? $good++ : diag("reload $n: $out");
}
is($good, $reloads, "$reloads reloads");

# All that is left to old workers by now is streams.
sleep $began + $seconds - 0.7 - time if $began + $seconds - 0.7 > time;
my @workers = $w->workers;
my ($most, @pss) = 0;
for my $pid (@workers[ 0 .. $#workers - 2 ]) {
    my $kb = $w->pss($pid) // next;
    push @pss, $kb;
    $most = $kb if $kb > $most;
}
my $r = $w->storm_end($storm);
note(explain($r));
is($r->{failed}, 0, "no request of $r->{requests} failed") or diag($r->{first_failure});
is($r->{reset_new}, 0, 'no new connection was reset');
is($r->{reset_reused}, 0, 'no kept connection was reset');
is($r->{idle_closed}, 0, 'none was ended while idle');
is($r->{streams_lost}, 0, 'no stream was lost') or diag($r->{first_failure});
is($r->{streams_alive}, 22, 'all streams live');
cmp_ok($r->{frames}, '>', 0, 'frames came back');
cmp_ok(scalar @pss, '>', 0, 'old workers live for their streams');
cmp_ok($most, '<=', 1024, "with at most 1 MiB each (@pss KiB)") if slow() == 1;

done_testing;
