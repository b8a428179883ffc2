# The files beside which others find weir: pid and state; -d; who the processes
# are and what they have open.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
workers = 2
[server *]
tls = off
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(conf => $conf, upstream => { app => 'echo' }, log => 'combined');
my $dir = $w->dir;
sub slurp ($path) { open my $fh, '<', $path or return ''; local $/; return <$fh> // '' }
sub state_of () { +{ map { /^(\w+) (.*)$/ ? ($1 => $2) : () } split /\n/, slurp("$dir/weir.state") } }

is(slurp("$dir/weir.pid"), $w->pid . "\n", 'the pid file');
my $s = until_true(sub { my $s = state_of(); $s->{verdict} eq 'good' && $s });
is($s->{attempt}, 1, 'the first attempt');
is($s->{serving}, 1, 'serves');
is($s->{pid}, $w->pid, 'by this master');
is($s->{workers}, 2, 'with two workers');
is((stat "$dir/weir.state")[2] & 07777, 0644, 'for everybody to read');

is(scalar $w->reload, 0, 'a good reload');
$s = state_of();
is("$s->{attempt} $s->{serving} $s->{verdict}", '2 2 good', 'is the second one');
is(scalar $w->reload(conf => "$conf\nnonsense\n"), 1, 'a bad one');
$s = state_of();
is("$s->{attempt} $s->{serving} $s->{verdict}", '3 2 bad', 'is counted and does not serve');
like($s->{message}, qr/weir\.ini:\d+: error: /, 'and says why');
is(scalar $w->reload(conf => $conf =~ s/workers = 2/workers = 1/r), 0, 'a good one again');
$s = state_of();
is("$s->{attempt} $s->{serving} $s->{verdict} $s->{workers}", '4 4 good 1', 'is the fourth');
ok(!exists $s->{message}, 'without complaints');
is(scalar(() = glob "$dir/*.new"), 0, 'nothing half-written lies about');

# Many at once: each -s reload gets a verdict.
my @kids = map {
    my $kid = fork // die;
    POSIX::_exit(($w->command('-s', 'reload'))[0]) if !$kid;
    $kid;
} 1 .. 5;
my $good = 0;
for (@kids) { waitpid $_, 0; $good += $? == 0 }
is($good, 5, 'five at the same time have a verdict each');
is($w->get('/')->status, 200, 'it serves');

# Processes.
sub status ($pid, $key) { slurp("/proc/$pid/status") =~ /^$key:\s*(.*)$/m ? $1 : undef }
sub links ($pid) { map { readlink } glob "/proc/$pid/fd/*" }
until_true(sub { (my @c = $w->children) == 2 });
my ($worker) = $w->workers;
my $keeper = $w->keeper;
for my $who ([ worker => $worker ], [ keeper => $keeper ]) {
    my ($name, $pid) = @$who;
    is(status($pid, 'NoNewPrivs'), 1, "$name: no new privileges");
    is(hex status($pid, $_), 0, "$name: $_ is empty") for qw(CapEff CapPrm CapInh CapAmb);
    next if $>;
    is(hex status($pid, 'CapBnd'), 0, "$name: CapBnd is empty");
    my $uid = getpwnam 'nobody';
    is(status($pid, 'Uid'), join("\t", ($uid) x 4), "$name: the user's uid, all four");
    isnt((split ' ', status($pid, 'Gid'))[0], 0, "$name: not root's group");
    unlike(status($pid, 'Groups') // '', qr/\b0\b/, "$name: nor among others");
}
is((grep { /access\.log|error\.log/ } links($worker)), 0, 'a worker has no log open');
cmp_ok((grep { /access\.log|error\.log/ } links($keeper)), '>=', 2, 'the keeper has');
is(status($worker, 'SigBlk') =~ /^0+$/ ? 1 : 0, 0, 'signals come by descriptor');

# Detached.
{
    my $v = Weir->new(conf => $conf, upstream => { app => 'echo' }, start => 0);
    my $took = elapsed(sub { is(($v->command('-d'))[0], 0, '-d: 0') });
    is($v->get('/')->status, 200, 'it serves when -d returns');
    my ($pid) = slurp($v->dir . '/weir.pid') =~ /(\d+)/;
    ok($pid && kill(0, $pid), 'the pid file names it');
    is(readlink "/proc/$pid/fd/$_", '/dev/null', "descriptor $_ is /dev/null") for 0 .. 2;
    my ($session) = slurp("/proc/$pid/stat") =~ /\) \S+ \d+ \d+ (\d+)/;
    is($session, $pid, 'in a session of its own');
    is(($v->command('-s', 'reload'))[0], 0, 'it reloads');
    is(($v->command('-s', 'stop'))[0], 0, 'and stops');
    ok(until_true(sub { !kill 0, $pid }), 'it ends');
    ok(!-e $v->dir . '/weir.pid' && !-e $v->dir . '/weir.state', 'and leaves no file');
    $v->write_file('weir.pid', "999999\n");
    is(($v->command('-d'))[0], 0, 'a stale pid file is no obstacle');
    is(($v->command('-s', 'stop'))[0], 0, 'stop');
    ok(until_true(sub { !-e $v->dir . '/weir.pid' }), 'gone');
}

# No file at all.
{
    my $v = Weir->new(bare => 1, args => ['127.0.0.1:@PORT:http@=127.0.0.1:@UPSTREAM:app@'], upstream => { app => 'echo' });
    is($v->get('/')->status, 200, 'LISTEN=UPSTREAM serves at once');
    $v->signal('HUP');
    ok(until_true(sub { $v->out =~ /reloaded/ }), 'and can be told to reload');
    is($v->get('/')->status, 200, 'and serves');
}

done_testing;
