# The control socket outlives those who serve it: a keeper that is killed, one
# that hands over, the master of a binary upgrade; and what was changed by hand
# outlives them all.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
drain = 2s
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
[upstream app]
server.one = 127.0.0.1:@UPSTREAM:app@
server.two = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
my $inode = (lstat $w->control)[1];

sub states () {
    my ($app) = grep { $_->{name} eq 'app' } @{ $w->ctl_json('upstreams') };
    return join ', ', map { "$_->{name} $_->{state} $_->{weight} $_->{why}" } @{ $app->{servers} };
}
$w->ctl(qw(drain app/one));
$w->ctl(qw(weight app/two 9));
my $by_hand = 'one draining (by hand) 1 by hand, two up 9 by hand';
is(states(), $by_hand, 'changed by hand');

# A killed keeper: whoever asks meanwhile waits for the next one.
for my $n (1 .. 2) {
    my $old = $w->keeper;
    $w->expect_death;
    $w->signal('KILL', $old);
    is(($w->ctl('version'))[0], 0, 'killed: the next question is answered');
    ok(until_true(sub { ($w->keeper // 0) && $w->keeper != $old }), 'by the next keeper');
    is(states(), $by_hand, 'what was changed stays');
}
is((lstat $w->control)[1], $inode, 'it is the same socket');

# Handing over, with clients in all states.
{
    my $old = $w->keeper;
    my $silent = $w->conn(unix => $w->control);
    my $half = $w->conn(unix => $w->control);
    $half->send('vers');
    sleep 0.1;
    $w->signal('HUP');
    my @codes = map { ($w->ctl('version'))[0] } 1 .. 20;
    is(join(' ', grep { $_ } @codes), '', 'every question during a reload is answered');
    $half->send("ion\n");
    my $got = $half->recv_until_close;
    like($got, qr/^(?:ok\n.*)?\z/s, 'half a line: an answer or a clean end');
    is($silent->recv_until_close, '', 'silence: a clean end');
    ok(until_true(sub { my @k = grep { $w->title($_) eq 'weir-keeper' } $w->children; @k == 1 && $k[0] != $old }), 'one keeper, another one');
    is(states(), $by_hand, 'a reload keeps what was changed');
    like(($w->ctl('upstreams'))[1], qr{^app/two +up +9 \(by hand\)}m, 'and shows it as by hand');
}

# Many reloads, and asking all the time.
{
    my $until = time + 3;
    my ($asked, $failed) = (0, 0);
    my $pid = fork // die;
    if (!$pid) { for (1 .. 12) { kill 'HUP', $w->pid; sleep 0.25 } POSIX::_exit(0) }
    while (time < $until) { my ($code, $out) = $w->ctl('upstreams'); $asked++; $failed++, diag($out) if $code }
    waitpid $pid, 0;
    is($failed, 0, "reload after reload: $asked questions, all answered");
}

# A generation that drains.
{
    my $c = $w->conn;
    $c->send("GET / HTTP/1.1\r\nHost: x\r\n");
    sleep 0.2;
    is(($w->ctl('reload'))[0], 0, 'a reload beside an open request');
    my $g = $w->ctl_json('generations');
    is(scalar @$g, 2, 'two generations');
    is($g->[0]{state} . ' ' . $g->[1]{state}, 'serving draining', 'one drains');
    is($g->[1]{connections}, 1, 'with its connection');
    like($g->[1]{draining_ms}, qr/^\d{1,4}$/, 'since a moment ago');
    ok(!defined $g->[0]{draining_ms}, 'the other does not');
    $c->send("Connection: close\r\n\r\n");
    is($c->recv_response->status, 200, 'it is finished');
    ok(until_true(sub { @{ $w->ctl_json('generations') } == 1 }), 'and gone');
}

# Undone, the last way.
is(($w->ctl(qw(ready app/one)))[0], 0, 'ready');
is(($w->ctl(qw(ready app/two)))[0], 0, 'ready');
is(states(), 'one up 1 by hand, two up 1 by hand', 'as configured');
$w->ctl(qw(down app/one));

# A new binary.
{
    my ($old, $pid) = ($w->pid, $w->dir . '/weir.pid');
    is(($w->command('-s', 'upgrade'))[0], 0, 'an upgrade');
    my $new = until_true(sub { my $p = 0 + (Weir::_slurp($pid) || 0); $p && $p != $old ? $p : 0 });
    ok(until_true(sub { $w->keeper(of => $new) && !$w->keeper(of => $old) }), 'the new one has the keeper');
    is(($w->ctl('version'))[0], 0, 'which answers');
    is($w->ctl_json('status')->{master}, $new, 'for the new master');
    is($w->stop('QUIT', timeout => 30), 0, 'the old one ends');
    is((lstat $w->control)[1], $inode, 'the socket stays');
    is(states(), 'one down (by hand) 1 by hand, two up 1 by hand', 'and so does what was changed');
    $w->{pid} = 0;
    is(($w->ctl('reload'))[0], 0, 'the new one reloads');
    is(($w->command('-s', 'quit'))[0], 0, 'and quits');
    ok(until_true(sub { !kill 0, $new }), 'it ends');
    ok(!-e $w->control, 'the socket goes with it');
}

done_testing;
