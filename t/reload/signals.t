# What the signals and `-s` words do: QUIT lets requests end, TERM and INT do
# not, HUP and USR1 and WINCH as nginx has them; wrong use is told.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
drain = 5s
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
my %upstream = (app => ['slow', ms => 700]);

# A request is in flight; the signal comes; what becomes of both.
sub end_by ($how) {
    my $w = Weir->new(conf => $conf, upstream => {%upstream});
    my $c = $w->conn;
    $c->send($w->request_text('/'));
    sleep 0.15;
    my $began = time;
    $how->($w);
    my $refused = until_true(sub { !$w->conn }, 3);
    my $m = $c->recv_response;
    $c->close;
    my $status = $w->wait_exit;
    return ($m, $status, time - $began, $refused, $w);
}

for my $how (['SIGQUIT', sub ($w) { $w->signal('QUIT') }], ['-s quit', sub ($w) { is(($w->command('-s', 'quit'))[0], 0, '-s quit: done') }]) {
    my ($m, $status, $took, $refused) = end_by($how->[1]);
    is($m && $m->status, 200, "$how->[0]: the request in flight is answered");
    is($m && lc($m->field('Connection') // ''), 'close', 'with Connection: close');
    ok($refused, 'who connects now is refused');
    is($status, 0, 'exit 0');
    cmp_ok($took, '<', 3 * slow(), 'soon after the answer');
}
for my $how (['SIGTERM', sub ($w) { $w->signal('TERM') }], ['SIGINT', sub ($w) { $w->signal('INT') }],
    ['-s stop', sub ($w) { is(($w->command('-s', 'stop'))[0], 0, '-s stop: done') }]) {
    my ($m, $status, $took, $refused) = end_by($how->[1]);
    ok(!$m, "$how->[0]: the request in flight is not");
    is($status, 0, 'exit 0');
    cmp_ok($took, '<', 0.5 * slow(), 'at once');
}

# QUIT first, then impatience.
{
    my ($m, $status, $took) = end_by(sub ($w) { $w->signal('QUIT'); sleep 0.1; $w->signal('TERM') });
    ok(!$m, 'TERM after QUIT ends what QUIT waited for');
    is($status, 0, 'exit 0');
}

# drain bounds a stop.
{
    my $w = Weir->new(conf => $conf =~ s/5s/500ms/r, upstream => { app => ['slow', ms => 20000] });
    my $c = $w->conn;
    $c->send($w->request_text('/'));
    sleep 0.2;
    my $began = time;
    $w->stop('QUIT');
    my $took = time - $began;
    cmp_ok($took, '>', 0.4, 'a stop waits for drain ...');
    cmp_ok($took, '<', 1.5 * slow(), '... and not longer');
}

# An idle kept connection does not hold a stop up.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my $c = $w->conn;
    $w->get('/', on => $c);
    my $took = elapsed(sub { is($w->stop('QUIT'), 0, 'QUIT with an idle connection') });
    cmp_ok($took, '<', 6 * slow(), 'ends within drain');
    ok(!-e "$_[0]", 'gone') for grep { -e } $w->dir . '/weir.pid', $w->dir . '/weir.state';
}

# WINCH: the workers go, the master stays; HUP brings new ones.
{
    my $w = Weir->new(conf => $conf =~ s/drain/workers = 2\ndrain/r, upstream => { app => 'echo' });
    my @before = $w->workers;
    is(@before, 2, 'two workers');
    $w->signal('WINCH');
    ok(until_true(sub { !$w->workers }), 'WINCH: they are gone');
    ok($w->alive && $w->keeper, 'master and keeper are not');
    my $waiting = $w->conn;
    ok($waiting, 'the listener stays open');
    is(scalar $w->reload, 0, 'a reload');
    is(scalar(my @now = $w->workers), 2, 'brings new ones');
    is($w->get('/', on => $waiting)->status, 200, 'who waited is served');
}

# A worker that is told by signal drains too, and is replaced.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my ($old) = $w->workers;
    $w->expect_death;
    kill 'QUIT', $old;
    ok(until_true(sub { my ($new) = $w->workers; $new && $new != $old }), 'a worker that got QUIT is replaced');
    is($w->get('/')->status, 200, 'and weir serves');
}

# Signals to the process group, as a terminal sends them: the master decides.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    kill 'INT', $w->pid, $w->workers, $w->keeper;
    is($w->wait_exit, 0, 'INT to all processes ends weir');
    unlike($w->error_log, qr/died/, 'and nothing died');
}

# Wrong use.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' }, start => 0);
    my ($code, $out) = $w->command('-s', 'reload');
    is($code, 1, '-s without a weir that runs: 1');
    like($out, qr/no weir runs/, 'and why');
    $w->write_file('weir.pid', "$$\n");
    is(($w->command('-s', 'quit'))[0], 1, 'a pid file that names another program: 1, and no signal');
    is(($w->command('-s', 'dance'))[0], 2, 'no such word: 2');
    is(($w->command('-s'))[0], 2, 'no word: 2');
    is(($w->run('nonsense'))[0], 2, 'an argument that is no LISTEN=UPSTREAM: 2');
    is(($w->run('-x'))[0], 2, 'no such option: 2');
    is(($w->run('-v'))[0], 0, '-v: 0');
    like(($w->run('-V'))[1], qr/weir \S+\n.*weir\.ini/s, '-V tells where things are');
}

done_testing;
