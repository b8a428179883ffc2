# A binary upgrade keeps what is known of servers: what was set by hand, what
# health checks and errors have found, totals.
use v5.36;
use Test::More;
use Weir;
use Weir::Origins;

my $w = Weir->new(start => 0, conf => <<'INI');
[weir]
workers = 2
drain = 2s
[upstream app]
server.a = 127.0.0.1:@UPSTREAM:a@
server.b = 127.0.0.1:@UPSTREAM:b@
server.c = 127.0.0.1:@UPSTREAM:c@
balance = round_robin
slow_start = off
eject = 1 error in 10s for 1h, at most 50%
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI
my $o = Weir::Origins->new($w, [qw(a b c)], args => { c => ['-S', 500] });
$w->start;
sub servers () { return map { $_->{name} => $_ } @{ (grep { $_->{name} eq 'app' } @{ $w->ctl_json('upstreams') })[0]{servers} } }
sub pid_in ($path) { open my $fh, '<', $path or return 0; return 0 + (<$fh> // 0) }

$w->get('/') for 1 .. 6;
$w->ctl('drain', 'app/b');
my %before = servers();
is($before{c}{state}, 'ejected', 'one was ejected');

my ($old, $pid) = ($w->pid, $w->dir . '/weir.pid');
is(($w->command('-s', 'upgrade'))[0], 0, 'weir -s upgrade');
my $new = until_true(sub { my $p = pid_in($pid); $p && $p != $old ? $p : 0 });
ok(until_true(sub { $w->keeper(of => $new) && !$w->keeper(of => $old) }), 'the new one has the keeper');
kill QUIT => $old;
ok(until_true(sub { !$w->workers(of => $old) }), 'the old one has left');
my %after = servers();
is($after{b}{state}, $before{b}{state}, "what was done by hand stays: $after{b}{state}");
is($after{c}{state}, 'ejected', 'what errors did, too');
cmp_ok($after{a}{requests}, '>=', $before{a}{requests}, 'totals go on');
$o->hits;
$w->get('/') for 1 .. 6;
is(join(' ', $o->hits), '6 0 0', 'and the new workers go by it');
kill QUIT => $new;
until_true(sub { !kill 0, $new });
done_testing;
