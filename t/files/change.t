# Files that change are taken into use by all workers without a reload and
# without a lost connection; what cannot be used leaves the old in effect.
use v5.36;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Weir::Witness;
use Weir;

my $w = Weir->new(
    conf => witness_conf(<<'INI'), files => { a => "one\n", s => "secret one\n", x => "pair 1\n", y => "pair 1\n" }, start => 0);
witness.file.a = @DIR@/a
witness.secret.s = @DIR@/s
witness.file.p = @DIR@/x
witness.secret.p = @DIR@/y
witness.file.link = @DIR@/current/l
witness.optional.o = @DIR@/o
INI
my $dir = $w->dir;
chmod 0600, "$dir/s", "$dir/y";
mkdir "$dir/d$_" and overwrite("$dir/d$_/l", "link $_\n") for 1, 2;
symlink "$dir/d1", "$dir/current" or die;
$w->start;
my $kept = $w->conn;
my @workers = $w->workers;
is($w->get('/witness/a', on => $kept)->body, "one\n", 'a connection that is kept');

# A line of the log, once.
sub logged ($level, $re, $what) {
    ok($w->wait_log(qr/ $level pid=\d+ .*$re/), $what);
    is(scalar(grep { /$re/ } errors_of($w, $level)), 1, "$what: one line");
}

# In one go and in pieces.
my $began = time;
$w->write_file(a => "two\n");
ok(all_serve($w, '/witness/a', "two\n"), 'a file that another is renamed over');
cmp_ok(time - $began, '<', 3 * slow(), 'within 3 s');
logged('notice', qr/a changed file is in use now path=\Q$dir\E\/a$/, 'the log tells');
overwrite("$dir/a", "three\n");
ok(all_serve($w, '/witness/a', "three\n"), 'one that was written in its place');
chmod 0600, $w->write_file(s => "secret two\n");
ok(all_serve($w, '/witness/secret/s', "secret two\n"), 'a secret');
unlink "$dir/current.new";
symlink "$dir/d2", "$dir/current.new" or die;
rename "$dir/current.new", "$dir/current" or die;
ok(all_serve($w, '/witness/link', "link 2\n"), 'a symbolic link to a directory that is swapped');

# Written in pieces: nothing of it is seen before it is whole.
{
    my %seen;
    open my $fh, '>:raw', "$dir/a" or die;
    for my $n (1 .. 8) {
        print $fh "piece $n\n";
        $fh->flush;
        my $until = time + 0.15;
        $seen{ $w->get('/witness/a')->body }++ while time < $until;
    }
    close $fh;
    my $whole = join '', map { "piece $_\n" } 1 .. 8;
    ok(until_true(sub { my $b = $w->get('/witness/a')->body; $seen{$b}++; $b eq $whole }, 4), 'one that is written slowly');
    is(join('|', sort keys %seen), join('|', sort "three\n", $whole), 'was seen as it was and whole, never half');
}

# Bad ones.
overwrite("$dir/a", "bad now\n");
logged('error', qr/:\d+: witness: the file \Q$dir\E\/a is bad; the old one stays in effect/, 'a bad file');
ok(all_serve($w, '/witness/a', join('', map { "piece $_\n" } 1 .. 8)), 'the old one is served');
chmod 0600, $w->write_file(s => "secret three\n");
ok(all_serve($w, '/witness/secret/s', "secret three\n"), 'others are taken into use beside it');
ok(all_serve($w, '/witness/a', join('', map { "piece $_\n" } 1 .. 8)), 'without the bad one');
overwrite("$dir/a", "good again\n");
ok(all_serve($w, '/witness/a', "good again\n"), 'until it is good');
overwrite("$dir/a", "mute\n");
logged('error', qr/the file \Q$dir\E\/a is refused; the old one stays in effect/, 'one that is refused without a word');
overwrite("$dir/a", "warn me\n");
ok(all_serve($w, '/witness/a', "warn me\n"), 'one that is warned about is used');
logged('warn', qr/witness: the file \Q$dir\E\/a is odd$/, 'and the log warns');

# It vanishes and comes back.
unlink "$dir/a";
logged('error', qr/cannot read the file \Q$dir\E\/a: No such file or directory; the old one stays in effect/, 'it vanishes');
ok(all_serve($w, '/witness/a', "warn me\n"), 'the old one is served');
$w->write_file(a => "back\n");
ok(all_serve($w, '/witness/a', "back\n"), 'it is back');
rename "$dir/a", "$dir/aside";
mkdir "$dir/a";
logged('error', qr/cannot read the file \Q$dir\E\/a: it is a directory; the old one stays in effect/, 'a directory in its place');
rmdir "$dir/a";
$w->write_file(a => 'x' x (1024 * 1024 + 1));
logged('error', qr/cannot read the file \Q$dir\E\/a: it is larger than 1 MiB; the old one stays in effect/, 'too large a one');
ok(all_serve($w, '/witness/a', "back\n"), 'the old one is served all the time');
rename "$dir/aside", "$dir/a";

# What need not be there may come and go.
is($w->get('/witness/optional/o')->field('X-Error'), POSIX::ENOENT, 'a file that need not be there');
$w->write_file(o => "here\n");
ok(all_serve($w, '/witness/optional/o', "here\n"), 'comes');
unlink "$dir/o";
ok(all_serve($w, '/witness/optional/o', ''), 'and goes');
logged('notice', qr/a file that need not be there is used no more path=\Q$dir\E\/o$/, 'which is told');

# A pair: neither half is used without the other.
overwrite("$dir/x", "pair 2\n");
logged('error', qr/witness: \Q$dir\E\/x does not fit \Q$dir\E\/y; the old one stays in effect/, 'half of a pair');
is_deeply([ values %{ served($w, '/witness/p') } ], [ ("pair 1\n") x 2 ], 'it is not used');
overwrite("$dir/y", "pair 2\n");
ok(all_serve($w, '/witness/p', "pair 2\n"), 'the other half comes: both are');
ok(all_serve($w, '/witness/secret/p', "pair 2\n"), 'at once');
my $changes = $w->get('/witness/p', on => $kept)->field('X-Changes');
overwrite("$dir/y", "pair 3\n");
overwrite("$dir/x", "pair 3\n");
ok(all_serve($w, '/witness/secret/p', "pair 3\n"), 'both together');
is($w->get('/witness/p', on => $kept)->field('X-Changes'), $changes + 1, 'are one change to a worker');

# The process that checks dies: everything stays as it was, and the next change is checked again.
overwrite("$dir/a", "die\n");
logged('error', qr/changed files could not be checked: it died of SIGABRT; the old files stay in effect/, 'the checker dies');
is_deeply([ values %{ served($w, '/witness/a') } ], [ ("back\n") x 2 ], 'the old one is served');
overwrite("$dir/a", "alive\n");
ok(all_serve($w, '/witness/a', "alive\n"), 'the next change is taken');

is($w->get('/witness/a', on => $kept)->body, "alive\n", 'the connection is still there');
is_deeply([ $w->workers ], \@workers, 'so are the workers');
is((errors_of($w, 'notice'))[-1] =~ /a changed file/ ? 1 : 0, 1, 'and nothing was reloaded');
done_testing;
