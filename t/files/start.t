# Files that are missing, bad or open to everybody: a start and -t say so, with
# FILE:LINE, and -T and explain do not look at them.
use v5.36;
use POSIX ();
use Test::More;
use Weir::Witness;
use Weir;

# A start and -t with these lines; both fail for that reason, at line 5.
sub refused ($what, $lines, $why, %o) {
    my $w = Weir->new(conf => witness_conf($lines), files => { a => "one\n", %{ $o{files} // {} } }, start => 0);
    $o{prepare}->($w->dir) if $o{prepare};
    my ($file, $dir) = ($w->conf_file, $w->dir);
    for my $args ([], ['-t'], ['-d']) {
        my ($code, $out) = $w->command(@$args);
        is($code, 1, "$what (@$args): 1");
        like($out, qr/^\Q$file\E:\d+: error: $why/m, "$what (@$args): says why") or diag($out);
    }
    ok(!-e "$dir/weir.pid", "$what: no pid file is left");
    is(($w->command('-T'))[0], 0, "$what: -T does not look");
    return;
}

refused('a missing file', 'witness.file.a = @DIR@/missing', qr/cannot read the file \S+\/missing: No such file or directory/);
refused('a directory', 'witness.file.a = @DIR@', qr/cannot read the file \S+: it is a directory/);
refused('a fifo', 'witness.file.a = @DIR@/fifo', qr/cannot read the file \S+fifo: it is not a regular file/,
    prepare => sub ($dir) { POSIX::mkfifo("$dir/fifo", 0644) or die });
refused('a device', 'witness.file.a = /dev/zero', qr/cannot read the file \/dev\/zero: it is not a regular file/);
refused('a large one', 'witness.file.a = @DIR@/large', qr/cannot read the file \S+large: it is larger than 1 MiB/,
    files => { large => 'x' x (1024 * 1024 + 1) });
refused('a bad one', 'witness.file.a = @DIR@/bad', qr/witness: the file \S+\/bad is bad/, files => { bad => "bad one\n" });
refused('a bad secret', 'witness.secret.a = @DIR@/bad', qr/witness: the file \S+\/bad is bad/, files => { bad => "bad one\n" });
refused('a pair that does not fit', "witness.file.p = \@DIR\@/x\nwitness.secret.p = \@DIR\@/y",
    qr/witness: \S+\/x does not fit \S+\/y/, files => { x => "pair 1\n", y => "pair 2\n" });
refused('one that is refused without a word', 'witness.file.a = @DIR@/mute', qr/the file \S+\/mute is refused/,
    files => { mute => "mute\n" });

# All that is wrong, in one run.
{
    my $w = Weir->new(conf => witness_conf("witness.file.a = \@DIR\@/m1\nwitness.secret.b = \@DIR\@/m2\nwitness.file.c = \@DIR\@/m1"), start => 0);
    my ($code, $out) = $w->command('-t');
    is($code, 1, 'several missing files: 1');
    like($out, qr/^\Q@{[$w->conf_file]}\E:7: error: .*m1.*\n.*:8: error: .*m2/m, 'each where it is named') or diag($out);
    is(() = $out =~ /error: /g, 2, 'and once');
}

# The process that checks dies: a start says so.
{
    my $w = Weir->new(conf => witness_conf('witness.file.a = @DIR@/a'), files => { a => "die\n" }, start => 0);
    my ($code, $out) = $w->command();
    is($code, 1, 'the checker dies: 1');
    like($out, qr/error: the files could not be checked: it died of SIGABRT/, 'and the reason') or diag($out);
}

# Good ones: one that need not be there, one of a whole MiB, an empty one, one named twice.
{
    my $big = pattern(1024 * 1024);
    my $w = Weir->new(
        conf => witness_conf("witness.file.big = \@DIR\@/big\nwitness.optional.none = \@DIR\@/none\n"
            . "witness.file.empty = \@DIR\@/empty\nwitness.file.again = \@DIR\@/big\nwitness.file.odd = \@DIR\@/odd"),
        files => { big => $big, empty => '', odd => "warn\n" });
    ok($w->get('/witness/big')->body eq $big, 'a file of 1 MiB is served, every byte');
    ok($w->get('/witness/again')->body eq $big, 'under both its names');
    is($w->get('/witness/empty')->body, '', 'an empty one');
    is($w->get('/witness/optional/none')->field('X-Error'), POSIX::ENOENT, 'one that is not there says so');
    like($w->out, qr/:\d+: warning: witness: the file \S+odd is odd/, "the checker's warning is printed");
    my ($code, $out) = $w->command('-t');
    is($code, 0, '-t: good');
    like($out, qr/warning: witness: the file \S+odd is odd/, 'with the warning');
}

# Who may read a secret.
{
    my $w = Weir->new(conf => witness_conf("witness.secret.s = \@DIR\@/s\nwitness.file.f = \@DIR\@/f"),
        files => { s => "secret\n", f => "public\n" }, start => 0);
    my $path = $w->dir . '/s';
    my $warns = qr/^\Q@{[$w->conf_file]}\E:\d+: warning: the secret file \Q$path\E is open to every user of this machine; chmod 600/m;
    for my $mode (0644, 0602, 0601) {
        chmod $mode, $path;
        my ($code, $out) = $w->command('-t');
        is($code, 0, sprintf('mode %o is good', $mode));
        like($out, $warns, 'and warned about');
    }
    for my $mode (0600, 0640, 0400) {
        chmod $mode, $path;
        my ($code, $out) = $w->command('-t');
        unlike($out, qr/warning/, sprintf('mode %o is fine', $mode));
    }
    chmod 0644, $path;
    $w->start;
    like($w->out, $warns, 'a start warns too');
    my ($code, $out) = $w->reload;
    is($code, 0, 'so does a reload');
    like($out, $warns, 'which says it to who asked for it');
    chmod 0664, $path;
    ok($w->wait_log(qr/ warn pid=\d+ the secret file \Q$path\E is open to every user/), 'and a change of the mode');
}

done_testing;
