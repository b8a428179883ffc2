# Who has the bytes of a secret: workers, and nobody else - not the keeper, not
# the master, not who may look into a worker.
use v5.36;
use Test::More;
use Weir::Witness;
use Weir;

my $root = $> == 0;
my $mark = 'mark' . join '', map { chr(97 + int rand 26) } 1 .. 40;
my $w = Weir->new(
    conf => witness_conf(<<'INI'), files => { public => "public\n", s => "secret one $mark\n" }, start => 0);
witness.file.public = @DIR@/public
witness.secret.s = @DIR@/s
INI
my $dir = $w->dir;
chmod 0600, "$dir/s";
$w->start;
my $keeper = $w->keeper;

# Descriptors of blobs, by what they are called.
sub blobs ($pid) {
    my %n;
    for my $fd (glob "/proc/$pid/fd/*") {
        $n{$1}++ if (readlink($fd) // '') =~ m{/memfd:(?:weir:)?(files|secrets)\b};
    }
    return \%n;
}

sub another_keeper ($what) {
    my $new = until_true(sub { my $k = $w->keeper; $k && $k != $keeper ? $k : 0 });
    ok($new, $what);
    return $new;
}

sub check ($what) {
    is($w->get('/witness/secret/s')->body =~ s/ .*//sr, 'secret', "$what: workers serve it");
    ok(until_true(sub { !blobs($keeper)->{secrets} }), "$what: the keeper has no descriptor of secrets");
    is(blobs($keeper)->{files}, 1, "$what: one of the files that are public");
    ok(!memory_has($w->pid, $mark), "$what: nothing of it is in the master's memory");
    ok(!memory_has($keeper, $mark), "$what: nor in the keeper's");
    cmp_ok(blobs($w->pid)->{secrets}, '<=', 2, "$what: the master has the newest, no others");
    for my $pid ($root ? $w->workers : ()) {
        ok(memory_has($pid, $mark), "$what: but in a worker's");
        is(blobs($pid)->{secrets}, 1, "$what: which has one descriptor");
    }
}

check('at the start');
is((stat "/proc/$_/mem")[4], 0, 'a worker is nobody\'s to look into') for $w->workers;
for my $n (1 .. 3) {
    overwrite("$dir/s", "secret $n $mark\n");
    ok(all_serve($w, '/witness/secret/s', "secret $n $mark\n"), 'it changes');
}
ok(until_true(sub { (blobs($w->pid)->{secrets} // 0) == 2 }), 'what it was is closed');
check('changed');
is($w->keeper, $keeper, 'the keeper is the one that was there');
is(scalar $w->reload, 0, 'a reload');
$keeper = another_keeper('with a new keeper');
ok(until_true(sub { $w->workers == 2 }), 'the old workers are gone');
check('reloaded');
$w->expect_death;
kill 'KILL', $keeper;
$keeper = another_keeper('and another one');
check('replaced');
is(scalar $w->reload(conf => witness_conf('witness.file.public = @DIR@/public')), 0, 'the secret is needed no more');
ok(until_true(sub { $w->workers == 2 }), 'the old workers are gone');
for my $pid ($root ? $w->workers : ()) {
    ok(!memory_has($pid, $mark), 'a worker has nothing of it');
    is(blobs($pid)->{secrets} // 0, 0, 'nor a descriptor');
}

# Files that root alone can read, to workers that are nobody.
SKIP: {
    skip 'needs root', 6 unless $root;
    is($w->stop, 0, 'stopped');
    mkdir "$dir/private", 0700;
    rename "$dir/s", "$dir/private/s";
    chmod 0700, "$dir/private";
    my $lines = 'witness.secret.s = @DIR@/private/s';
    $w->configure(witness_conf($lines));
    $w->start;
    is((grep { /^Uid:\s+0\b/ } _status(($w->workers)[0])), 0, 'a worker is not root');
    is($w->get('/witness/secret/s')->body, "secret 3 $mark\n", 'has what it cannot read');
    overwrite("$dir/private/s", "secret of root\n");
    ok(all_serve($w, '/witness/secret/s', "secret of root\n"), 'and a change of it');
    is(scalar $w->reload, 0, 'over a reload');
    is($w->get('/witness/secret/s')->body, "secret of root\n", 'too');
}

# Somebody else's weir cannot read it, and says so.
SKIP: {
    skip 'needs root', 2 unless $root;
    my $v = Weir->new(conf => witness_conf("witness.secret.s = $dir/private/s"), start => 0);
    my $bin = Weir::bin();
    my $out = qx{setpriv --reuid=65534 --regid=65534 --clear-groups $bin -t -c @{[$v->conf_file]} 2>&1};
    is($? >> 8, 1, '-t by nobody');
    like($out, qr/:\d+: error: cannot read the file \Q$dir\E\/private\/s: Permission denied/, 'says that it may not read it');
}
done_testing;

sub _status ($pid) {
    open my $fh, '<', "/proc/$pid/status" or return;
    return <$fh>;
}
