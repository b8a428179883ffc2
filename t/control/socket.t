# The control socket as a file: where it is, whose it is, what stood there, and
# that it goes as it came.
use v5.36;
use IO::Socket::UNIX;
use Test::More;
use Weir;

my $site = "[server *]\nlisten = 127.0.0.1:\@PORT:http\@\ntls = off\n/* = status:204\n";
sub mode ($path) { sprintf '%o', (lstat $path)[2] & 07777 }

# As nothing says otherwise: beside the pid file, for its owner alone.
{
    my $w = Weir->new(conf => $site);
    my $path = $w->dir . '/weir.sock';
    ok(-S $path, 'it is beside the pid file');
    is(mode($path), '600', 'for its owner alone');
    my $inode = (lstat $path)[1];
    is($w->reload, 0, 'a reload');
    is((lstat $path)[1], $inode, 'leaves it where it is');
    is(($w->ctl('version'))[0], 0, 'and it answers');
    $w->configure("$site\n[control]\nsocket = off\n");
    is($w->reload, 0, 'off');
    ok(!-e $path, 'it is gone');
    is(($w->ctl('version'))[0], 1, 'nobody answers');
    $w->configure("$site\n[control]\nsocket = \@DIR\@/other.sock\n");
    is($w->reload, 0, 'another place');
    ok(until_true(sub { ($w->ctl('-s', $w->dir . '/other.sock', 'version'))[0] == 0 }), 'it answers there');
    $w->configure("$site\n[control]\nsocket = \@DIR\@/third.sock\nnonsense = 1\n");
    isnt($w->reload, 0, 'a configuration that is wrong');
    ok(!-e $w->dir . '/third.sock', 'makes none');
    is(($w->ctl('-s', $w->dir . '/other.sock', 'version'))[0], 0, 'and takes none away');
    $w->stop;
    ok(!-e $w->dir . '/other.sock', 'it goes with weir');
}

# Started without one.
{
    my $w = Weir->new(conf => "$site\n[control]\nsocket = off\n");
    ok(!-e $w->control, 'off: there is none');
    is($w->reload(conf => $site), 0, 'a reload with one');
    ok(until_true(sub { ($w->ctl('version'))[0] == 0 }), 'makes it');
}

# -t touches nothing.
{
    my $w = Weir->new(conf => $site, start => 0);
    is(($w->command('-t'))[0], 0, '-t');
    ok(!-e $w->control, 'makes no socket');
}

# What stands there already.
{
    my $w = Weir->new(conf => $site, start => 0);
    IO::Socket::UNIX->new(Local => $w->control, Listen => 1) or die;
    ok(-S $w->control, 'a socket that nobody listens at');
    $w->start;
    is(($w->ctl('version'))[0], 0, 'is replaced');
    $w->signal('KILL', $_) for $w->pid, $w->children;
    $w->expect_exit('signal 9');
    until_true(sub { !$w->alive });
    ok(-S $w->control, 'a weir that was killed leaves one');
    $w->start;
    is(($w->ctl('version'))[0], 0, 'which the next one replaces');
    delete $w->{o}{x};
    $w->expect_exit(0);
}
{
    my $w = Weir->new(conf => $site, start => 0);
    my $there = IO::Socket::UNIX->new(Local => $w->control, Listen => 5) or die;
    $w->start;
    ok($w->out =~ /warning: cannot make the control socket \S+weir\.sock: another weir.*going on without/, 'one that lives: a warning')
        or diag($w->out);
    is($w->get('/')->status, 204, 'weir serves');
    $there->blocking(0);
    1 while $there->accept;
    is($w->reload(conf => "$site\n[control]\nsocket = \@DIR\@/weir.sock\n"), 1, 'asked for: an error');
    my ($code, $out) = $w->command('-s', 'reload');
    like($out, qr/weir\.ini:\d+: error: cannot make the control socket/, 'with its place');
}
{
    my $w = Weir->new(conf => $site, start => 0);
    $w->write_file('weir.sock', 'a file');
    $w->start;
    is($w->get('/')->status, 204, 'a file that is no socket: weir serves');
    ok(-f $w->control, 'and lets it be');
}
{
    my $w = Weir->new(conf => "$site\n[control]\nsocket = \@DIR\@/nowhere/weir.sock\n", start => 0, no_wait => 1);
    my ($code, $out) = $w->command();
    is($code, 1, 'a directory that is not there, asked for: weir does not start');
    like($out, qr/weir\.ini:\d+: error: cannot make the control socket .*: No such file/, 'and says why');
}
{
    my $w = Weir->new(conf => "[server *]\nlisten = unix:\@DIR\@/weir.sock\ntls = off\n/* = status:204\n[control]\nsocket = \@DIR\@/weir.sock\n", start => 0);
    my ($code, $out) = $w->command();
    is($code, 1, 'an address of a server');
    like($out, qr/error: cannot make the control socket .*: it is an address of a server/, 'is none for it');
}

# Its group.
{
    my $w = Weir->new(conf => "$site\n[control]\ngroup = no-such-group\n", start => 0);
    my ($code, $out) = $w->command();
    is($code, 1, 'an unknown group');
    like($out, qr/weir\.ini:\d+: error: group no-such-group of the control socket: no such group/, 'is named with its place');
}
SKIP: {
    my ($gid) = grep { $_ && getgrgid $_ } $> ? split(/ /, $)) : (getgrnam('daemon') // 1);
    skip 'no group to give it to', 1 unless $gid;
    my $group = getgrgid $gid;
    my $w = Weir->new(conf => "$site\n[control]\ngroup = $group\n");
    is(mode($w->control), '660', 'with a group: for that, too');
    is((lstat $w->control)[5], $gid, 'its group');
    is($w->reload(conf => $site), 0, 'a reload without');
    is(mode($w->control), '600', 'takes it back');
    is(($w->ctl('version'))[0], 0, 'and it answers');
    is($w->reload(conf => "$site\n[control]\ngroup = $group\n"), 0, 'and again');
    is(mode($w->control) . (lstat $w->control)[5], "660$gid", 'gives it');
    my ($pid) = $w->workers;
    my ($inode) = map { / (\d+) \Q$w->{dir}\E\/weir\.sock$/ ? $1 : () } split /\n/, Weir::_slurp('/proc/net/unix');
    ok(!(grep { (readlink($_) // '') eq "socket:[$inode]" } glob "/proc/$pid/fd/*"), 'no worker has it open');
    my $keeper = $w->keeper;
    ok((grep { (readlink($_) // '') eq "socket:[$inode]" } glob "/proc/$keeper/fd/*"), 'the keeper has');
}

done_testing;
