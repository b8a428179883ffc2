# A reload with files that cannot be used is refused and changes nothing; one
# whose generation does not come to serve puts back what was in effect.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir::Witness;
use Weir;

my $one = "witness.file.a = \@DIR\@/a\nwitness.secret.s = \@DIR\@/s";
my $w = Weir->new(conf => witness_conf($one), files => { a => "one\n", s => "secret one\n", b => "other\n", bad => "bad\n" });
my $dir = $w->dir;
chmod 0600, "$dir/s";
my $file = $w->conf_file;
my @workers = $w->workers;

sub refused ($what, $lines, $why) {
    my ($code, $out) = $w->reload(conf => witness_conf($lines));
    is($code, 1, "$what: 1");
    like($out, $why, "$what: says why");
    is_deeply([ $w->workers ], \@workers, "$what: the same workers");
    is($w->get('/witness/a')->body, "one\n", "$what: serve what they had");
}
refused('a missing file', "$one\nwitness.file.b = \@DIR\@/missing", qr/^\Q$file\E:9: error: cannot read the file \Q$dir\E\/missing: No such file/m);
refused('a bad file', "$one\nwitness.file.b = \@DIR\@/bad", qr/^\Q$file\E:9: error: witness: the file \Q$dir\E\/bad is bad$/m);
refused('both', "$one\nwitness.file.b = \@DIR\@/bad\nwitness.file.c = \@DIR\@/missing", qr/:10: error: cannot read/);
overwrite("$dir/s", "die\n");
refused('a checker that dies', $one, qr/^error: the files could not be checked: it died of SIGABRT$/m);
overwrite("$dir/s", "secret one\n");
like($w->error_log, qr/ error .*:9: witness: the file \S+bad is bad\n.* error .*reload failed attempt=3 errors=1; generation=1 goes on/, 'the error log has it too');

# The current generation's files are watched on.
$w->configure(witness_conf($one));
overwrite("$dir/a", "two\n");
ok(all_serve($w, '/witness/a', "two\n"), 'after that changes of the old ones are still seen');
is_deeply([ $w->workers ], \@workers, 'by the old workers');

# Another list.
is(scalar $w->reload(conf => witness_conf("witness.file.b = \@DIR\@/b\nwitness.file.a = \@DIR\@/a")), 0, 'a reload with other files');
is($w->get('/witness/b')->body, "other\n", 'serves them');
is($w->get('/witness/a')->body, "two\n", 'and the ones that it has still');
overwrite("$dir/b", "other two\n");
ok(all_serve($w, '/witness/b', "other two\n"), 'changes of which are seen');
overwrite("$dir/s", "bad, but nobody's any more\n");
overwrite("$dir/a", "three\n");
ok(all_serve($w, '/witness/a', "three\n"), 'others are of no interest');
unlike((errors_of($w))[-1], qr/\Q$dir\E\/s/, 'whatever stands in them');
is(scalar $w->reload(conf => witness_conf('')), 0, 'a reload without files');
is($w->get('/')->status, 200, 'serves');
chmod 0600, overwrite("$dir/s", "secret two\n");
is(scalar $w->reload(conf => witness_conf($one)), 0, 'and one with files again');
is($w->get('/witness/secret/s')->body, "secret two\n", 'serves them');

# A change and a reload at once: the new generation has the change.
for my $n (1 .. 5) {
    overwrite("$dir/a", "at once $n\n");
    overwrite("$dir/s", "secret at once $n\n");
    is(scalar $w->reload, 0, 'a reload right behind a change');
    is_deeply([ map { $w->get("/witness/$_")->body } qw(a secret/s) ], [ "at once $n\n", "secret at once $n\n" ], 'has it');
}

# A change that is being checked when a reload comes and is refused.
overwrite("$dir/a", "in between\n");
sleep 1.2;
is(scalar $w->reload(conf => witness_conf("$one\nwitness.file.b = \@DIR\@/bad")), 1, 'a reload that is refused');
$w->configure(witness_conf($one));
ok(all_serve($w, '/witness/a', "in between\n"), 'loses no change');

# A generation that is given up when its files were published already.
my $conf = witness_conf($one);
overwrite("$dir/s", "crash at start\n");
@workers = $w->workers;
my $lines = () = $w->error_log =~ /in use now path=\Q$dir\E\/s/g;
$w->expect_death(2);
my ($code, $out) = $w->reload(conf => $conf);
is($code, 1, 'workers that die at their start: 1');
like($out, qr/died while it started/, 'and the reason');
is_deeply([ $w->workers ], \@workers, 'the old ones serve');
is((grep { $_ eq "secret at once 5\n" } values %{ served($w, '/witness/secret/s') }), 2, 'what they had before, which was put back');
is(() = $w->error_log =~ /in use now path=\Q$dir\E\/s/g, $lines, 'though nobody said that it was taken into use');
overwrite("$dir/s", "secret end\n");
ok(all_serve($w, '/witness/secret/s', "secret end\n"), 'they see the next change');
is(scalar $w->reload, 0, 'and a reload goes');
is($w->get('/witness/secret/s')->body, "secret end\n", 'as it should');
done_testing;
