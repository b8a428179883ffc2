# What the service manager hears (sd_notify), on a path and on an abstract
# socket: READY, RELOADING with its time, STOPPING, MAINPID there and back.
use v5.36;
use Test::More;
use Socket qw(AF_UNIX SOCK_DGRAM pack_sockaddr_un);
use Time::HiRes qw(sleep);
use Weir;

my $conf = <<'INI';
[weir]
drain = 1s
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
sub heard ($re, $from = 0) {
    return until_true(sub { my @n = $w->notified; (grep { $_ =~ $re } @n[ $from .. $#n ])[0] }, 5);
}
ok(heard(qr/^READY=1$/m), 'READY at the start');
like(($w->notified)[0], qr/^STATUS=/m, 'with a status');

my $at = $w->notified;
is(scalar $w->reload, 0, 'a reload');
my $m = heard(qr/^RELOADING=1$/m, $at);
like($m, qr/^MONOTONIC_USEC=\d+$/m, 'RELOADING with the time');
my ($usec) = $m =~ /MONOTONIC_USEC=(\d+)/;
cmp_ok(abs($usec / 1e6 - Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC())), '<', 10 * slow(), 'of the monotonic clock');
ok(heard(qr/^READY=1$/m, $at), 'READY after it');

$at = $w->notified;
is(scalar $w->reload(conf => "$conf\nnonsense\n"), 1, 'a reload that fails');
ok(heard(qr/^RELOADING=1$/m, $at) && heard(qr/^READY=1$/m, $at), 'is over for the manager too');
ok(heard(qr/^STATUS=.*failed/m, $at), 'with the reason in the status');
$w->configure($conf);

$at = $w->notified;
$w->signal('USR2');
ok(until_true(sub { $w->wait_log(qr/new binary serves/) }), 'an upgrade');
$m = heard(qr/^MAINPID=\d+$/m, $at);
my ($new) = $m =~ /MAINPID=(\d+)/;
ok($new && $new != $w->pid && kill(0, $new), 'MAINPID is the new one');
$at = $w->notified;
kill 'QUIT', $new;
$m = heard(qr/^MAINPID=@{[ $w->pid ]}$/m, $at);
ok($m, 'MAINPID is the old one again');
ok(until_true(sub { !kill 0, $new }), 'after the way back');

$at = $w->notified;
is($w->stop('QUIT'), 0, 'a stop');
ok(heard(qr/^STOPPING=1$/m, $at), 'STOPPING');

# An abstract socket.
my $name = "weir-test-$$-" . int rand 1e6;
socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die;
bind $s, pack_sockaddr_un("\0$name") or die "bind: $!";
$s->blocking(0);
my $v = Weir->new(conf => $conf, upstream => { app => 'echo' }, env => { NOTIFY_SOCKET => "\@$name" });
my $got = '';
ok(until_true(sub { my $m; $got .= $m if defined recv $s, $m, 4096, 0; $got =~ /^READY=1$/m }), 'READY on an abstract socket');
is($v->get('/')->status, 200, 'it serves');

# Nonsense in the variable does no harm.
for my $bad ('relative', '/', '@', 'x' x 300, '/no/such/socket') {
    my $u = Weir->new(conf => $conf, upstream => { app => 'echo' }, env => { NOTIFY_SOCKET => $bad });
    is($u->get('/')->status, 200, 'serves with NOTIFY_SOCKET=' . substr $bad, 0, 20);
}

done_testing;
