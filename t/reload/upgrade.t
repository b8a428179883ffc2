# USR2: a new binary takes over with the listeners, and the way back, without a
# failed request.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
workers = 2
drain = 2s
[server *]
listen = 127.0.0.1:@PORT:http@, unix:@SOCK:front@
/* = 127.0.0.1:@UPSTREAM:app@
INI

sub pid_in ($path) { open my $fh, '<', $path or return 0; return 0 + (<$fh> // 0) }

# Tells the master to upgrade; the new one's pid.
sub upgrade ($w, $old = $w->pid) {
    my $pid = $w->dir . '/weir.pid';
    is(($w->command('-s', 'upgrade'))[0], 0, '-s upgrade');
    my $new = until_true(sub { my $p = pid_in($pid); $p && $p != $old ? $p : 0 });
    ok($new, 'a new master writes its pid');
    is(pid_in("$pid.oldbin"), $old, 'the old one has put its own aside');
    ok(until_true(sub { $w->workers(of => $new) == 2 && $w->workers(of => $old) == 2 }), 'both have workers');
    return $new;
}

# There and on.
{
    my $w = Weir->new(conf => $conf, log => 'json');
    $w->origin('app');
    $w->get('/1k');
    my ($old, $pid, $path) = ($w->pid, $w->dir . '/weir.pid', $w->dir . '/front.sock');
    my $inode = (stat $path)[1];
    my $storm = $w->storm_start('-p', $w->port, '-d', 5, qw(-k 16 -t 2 -c 8 -T 2 -s 4 -e 3 -w 3 -i 10));
    sleep 0.8;
    my $new = upgrade($w);
    ok(until_true(sub { $w->keeper(of => $new) && !$w->keeper(of => $old) }), 'one keeper, the new one');
    ok($w->wait_log(qr/new binary serves/), 'the old one knows');
    sleep 0.3;
    is($w->stop('QUIT', timeout => 30), 0, 'QUIT to the old one: it ends well');
    is(pid_in($pid), $new, 'the pid file is the new one\'s');
    ok(!-e "$pid.oldbin", 'the other is gone');
    my $r = $w->storm_end($storm);
    note(explain($r));
    is($r->{failed}, 0, "no request of $r->{requests} failed") or diag($r->{first_failure});
    is($r->{reset_new} + $r->{reset_reused}, 0, 'none was reset');
    is((stat $path)[1], $inode, 'the unix socket is the same');
    is($w->get('/1k', unix => $path)->status, 200, 'and serves');
    $w->{pid} = 0;    # from here on the new one is looked after
    is(($w->command('-s', 'reload'))[0], 0, 'the new one reloads');
    is($w->get('/1k')->status, 200, 'and serves');
    is(($w->command('-s', 'quit'))[0], 0, 'and quits');
    ok(until_true(sub { !kill 0, $new }), 'it ends');
    ok(!-e $pid && !-e $path, 'and leaves nothing');
    my @lines = $w->access_log;
    cmp_ok(scalar @lines, '>=', $r->{requests}, 'each request has a line in the log');
}

# And back.
{
    my $w = Weir->new(conf => $conf);
    $w->origin('app');
    $w->get('/1k');
    my ($old, $pid, $path) = ($w->pid, $w->dir . '/weir.pid', $w->dir . '/front.sock');
    my $storm = $w->storm_start('-p', $w->port, '-d', 6, qw(-k 16 -t 2 -c 8 -T 2 -s 4));
    sleep 0.5;
    my $new = upgrade($w);
    $w->signal('WINCH');
    ok(until_true(sub { !$w->workers }, 15), 'WINCH: the old workers go');
    is($w->get('/1k')->status, 200, 'the new ones serve');
    $w->signal('HUP');
    ok(until_true(sub { $w->workers == 2 }), 'HUP to the old master: it has workers again');
    is(($w->command('-s', 'quit'))[0], 0, 'QUIT to the new one');
    ok(until_true(sub { !kill(0, $new) }, 15), 'it ends');
    ok(until_true(sub { pid_in($pid) == $old }), 'the old one has its pid file back');
    ok(!-e "$pid.oldbin", 'under its name');
    ok(until_true(sub { $w->keeper }), 'and a keeper');
    my $r = $w->storm_end($storm);
    is($r->{failed}, 0, "no request of $r->{requests} failed") or diag($r->{first_failure});
    is($w->get('/1k', unix => $path)->status, 200, 'the unix socket is there');
    is(scalar $w->reload, 0, 'it reloads');
    my $again = upgrade($w);
    ok($again, 'and upgrades again');
    $w->signal('TERM', $again);
    ok(until_true(sub { pid_in($pid) == $old }), 'TERM to the new one leads back too');
}

# The new master is killed: the old one goes on alone.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my $pid = $w->dir . '/weir.pid';
    my $new = upgrade($w);
    my @orphans = $w->workers(of => $new);
    $w->signal('WINCH');
    ok(until_true(sub { !$w->workers }, 15), 'the old workers have gone');
    kill 'KILL', $new;
    ok(until_true(sub { $w->workers == 2 && $w->keeper }), 'the old master starts workers and a keeper');
    ok(until_true(sub { !grep { kill 0, $_ } @orphans }, 15), 'the new one\'s workers drain and end');
    is(pid_in($pid), $w->pid, 'the pid file is the old one\'s');
    is($w->get('/')->status, 200, 'and serves');
}

# The old master is killed.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my ($old, $pid) = ($w->pid, $w->dir . '/weir.pid');
    my $new = upgrade($w);
    my @orphans = $w->workers(of => $old);
    $w->expect_exit('signal 9');
    $w->signal('KILL');
    ok(until_true(sub { !$w->alive && !grep { kill 0, $_ } @orphans }, 15), 'the old one is killed, its workers drain and end');
    is($w->get('/')->status, 200, 'the new one serves');
    ok(until_true(sub { !-e "$pid.oldbin" }), 'and clears its pid file away');
    is(($w->command('-s', 'reload'))[0], 0, 'and reloads');
    is(($w->command('-s', 'stop'))[0], 0, 'and stops');
    ok(until_true(sub { !kill 0, $new }), 'it ends');
}

# A configuration that the new one does not take.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my $pid = $w->dir . '/weir.pid';
    $w->configure("$conf\nnonsense\n");
    is(($w->command('-s', 'upgrade'))[0], 0, 'an upgrade with a bad configuration');
    ok($w->wait_log(qr/ error .*new binary does not serve .*weir\.ini:\d+/), 'the log says what is wrong');
    ok(until_true(sub { pid_in($pid) == $w->pid }), 'the old one takes its pid file back');
    is($w->get('/')->status, 200, 'and serves');
    $w->configure($conf);
    my $new = upgrade($w);
    ok($new, 'with a good one it goes');
    is(($w->command('-s', 'upgrade'))[0], 0, 'an upgrade of the new one while the old one lives');
    ok($w->wait_log(qr/cannot upgrade now: another master/), 'is not begun');
    $w->signal('TERM', $new);
    ok(until_true(sub { pid_in($pid) == $w->pid }), 'back');
}

done_testing;
