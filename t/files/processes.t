# Whatever dies or is exchanged, whoever comes next has the newest files.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep);
use Weir::Witness;
use Weir;

sub pid_in ($path) { open my $fh, '<', $path or return 0; return 0 + (<$fh> // 0) }

my $lines = "witness.file.a = \@DIR\@/a\nwitness.secret.s = \@DIR\@/s";
my $w = Weir->new(conf => witness_conf($lines), files => { a => "one\n", s => "secret one\n" });
my $dir = $w->dir;
chmod 0600, "$dir/s";

# Workers.
overwrite("$dir/a", "two\n");
overwrite("$dir/s", "secret two\n");
ok(all_serve($w, '/witness/secret/s', "secret two\n"), 'a change');
for my $victim ($w->workers) {
    $w->expect_death;
    kill 'KILL', $victim;
    ok(until_true(sub { my @now = $w->workers; @now == 2 && !grep { $_ == $victim } @now }), 'a worker is replaced');
}
ok(all_serve($w, '/witness/a', "two\n"), 'the new ones have the newest files');
is_deeply([ values %{ served($w, '/witness/secret/s') } ], [ ("secret two\n") x 2 ], 'of both kinds');
overwrite("$dir/s", "secret three\n");
ok(all_serve($w, '/witness/secret/s', "secret three\n"), 'and see the next change');

# A keeper that is gone does not matter.
$w->expect_death;
kill 'KILL', $w->keeper;
overwrite("$dir/s", "secret four\n");
ok(all_serve($w, '/witness/secret/s', "secret four\n"), 'without a keeper too');
ok(until_true(sub { $w->keeper }), 'which comes back');

# Another binary: both masters see to their own workers.
my ($old, $pid) = ($w->pid, "$dir/weir.pid");
is(($w->command('-s', 'upgrade'))[0], 0, '-s upgrade');
my $new = until_true(sub { my $p = pid_in($pid); $p && $p != $old ? $p : 0 });
ok(until_true(sub { $w->workers(of => $new) == 2 && $w->workers(of => $old) == 2 }), 'two masters');
ok($w->wait_log(qr/new binary serves/), 'both serve');
overwrite("$dir/s", "secret five\n");
overwrite("$dir/a", "five\n");
ok(all_serve($w, '/witness/secret/s', "secret five\n", 5, 4), 'the workers of both have a change');
is_deeply([ values %{ served($w, '/witness/a', 4) } ], [ ("five\n") x 4 ], 'of both files');
is($w->stop('QUIT', timeout => 30), 0, 'the old one quits');
$w->{pid} = 0;
overwrite("$dir/s", "secret six\n");
ok(all_serve($w, '/witness/secret/s', "secret six\n"), 'the new one sees the next change');
overwrite("$dir/s", "bad\n");
ok($w->wait_log(qr/ error pid=$new .*witness: the file \Q$dir\E\/s is bad; the old one stays/), 'and what is bad');
is_deeply([ values %{ served($w, '/witness/secret/s') } ], [ ("secret six\n") x 2 ], 'is not used');
overwrite("$dir/s", "secret seven\n");
ok(all_serve($w, '/witness/secret/s', "secret seven\n"), 'until it is good');
is(($w->command('-s', 'reload'))[0], 0, 'it reloads');
is($w->get('/witness/secret/s')->body, "secret seven\n", 'and serves');

# One whose files are bad does not come to serve.
overwrite("$dir/a", "bad\n");
is(($w->command('-s', 'upgrade'))[0], 0, 'an upgrade with a bad file');
ok($w->wait_log(qr/ error pid=$new the new binary does not serve .*witness: the file \S+a is bad/), 'the log says why');
ok(until_true(sub { pid_in($pid) == $new }), 'the old one goes on');
is($w->get('/witness/a')->body, "five\n", 'with what it has');
is(($w->command('-s', 'stop'))[0], 0, 'stop');
ok(until_true(sub { !kill 0, $new }), 'it ends');
done_testing;
