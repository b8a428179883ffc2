# Thousands of files: a start and a reload take seconds, not minutes, and a
# change of any of them is found.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir::Witness;
use Weir;

my $n = scale(2500, 5000);    # pairs
my %files = map { sprintf("d/%05d.crt", $_) => "pair $_\n" . pattern(1500), sprintf("d/%05d.key", $_) => "pair $_\n" . pattern(200) } 1 .. $n;
my $lines = join "\n", map { sprintf "witness.file.c%05d = \@DIR\@/d/%05d.crt\nwitness.secret.c%05d = \@DIR\@/d/%05d.key", ($_) x 4 } 1 .. $n;
my $w = Weir->new(conf => witness_conf($lines), start => 0);
my $dir = $w->dir;
mkdir "$dir/d";
overwrite("$dir/$_", $files{$_}), chmod 0600, "$dir/$_" for keys %files;

note sprintf 'weir -t: %.2f s', elapsed(sub { is(($w->command('-t'))[0], 0, "-t with " . 2 * $n . ' files') });
note sprintf 'start: %.2f s', elapsed(sub { $w->start });
is($w->get(sprintf '/witness/secret/c%05d', $n)->body, $files{ sprintf 'd/%05d.key', $n }, 'the last one is served');
note sprintf 'reload: %.2f s', elapsed(sub { is(scalar $w->reload, 0, 'a reload') });
for my $k (1, int $n / 2, $n) {
    my $path = sprintf '%s/d/%05d', $dir, $k;
    my $began = time;
    overwrite("$path.crt", "pair x$k\n");
    overwrite("$path.key", "pair x$k\n");
    ok(all_serve($w, sprintf('/witness/secret/c%05d', $k), "pair x$k\n", 10), "pair $k is changed");
    note sprintf 'a change: %.2f s', time - $began;
}
is(scalar(errors_of($w)), 0, 'no half of a pair was seen alone');
overwrite("$dir/$_", "pair all\n") for keys %files;
note sprintf 'all changed: %.2f s', elapsed(sub { ok(all_serve($w, sprintf('/witness/secret/c%05d', $n - 1), "pair all\n", 15), 'all of them are') });
ok($w->wait_log(qr/more changed files are in use now count=/), 'which the log does not tell of one by one');

# What the master does while nothing changes.
my $cpu = sub { my @s = split ' ', do { open my $fh, '<', "/proc/$w->{pid}/stat"; <$fh> }; $s[13] + $s[14] };
my $ticks = $cpu->();
sleep 3;
note sprintf 'master, idle: %.1f ms of CPU a second', ($cpu->() - $ticks) * 10 / 3;
done_testing;
