# Counts are shared: with 4 workers the turn is one, a `max` is kept, and what
# waits is served in order; who cannot be served in time is told so at once.
use v5.36;
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Origins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[weir]
workers = 4
error_log = @DIR@/error.log info
[upstream turns]
server.a = 127.0.0.1:@UPSTREAM:a@ weight=2
server.b = 127.0.0.1:@UPSTREAM:b@
balance = round_robin
[upstream narrow]
server.c = 127.0.0.1:@UPSTREAM:c@ max=10
[upstream queued]
server.d = 127.0.0.1:@UPSTREAM:d@ max=2
queue = 100 for 20s
[upstream short]
server.e = 127.0.0.1:@UPSTREAM:e@ max=1
queue = 3 for 10s
[server *]
listen = 127.0.0.1:@PORT:http@
/turns/* = turns
/narrow/* = narrow
/queued/* = queued
/short/* = short
INI
my $o = Weir::Origins->new($w, [qw(a b c d e)], args => { c => ['-D', 20], d => ['-D', 5], e => ['-D', 300] });
$w->start;
my $p = $w->port;

# A connection each, so that all workers take part.
$w->get('/turns/') for 1 .. 60;
is(join(' ', ($o->hits)[0, 1]), '40 20', 'round_robin is exact over 4 workers');

# 40 clients against max=10, without a queue.
my $storm = $w->storm('-p', $p, '-k', 40, '-u', '/narrow/', '-t', 1, '-d', scale(3, 20));
my $c = $o->stats('c');
cmp_ok($c->{most}, '<=', 10, "max=10: never an 11th request (most $c->{most})");
cmp_ok($c->{most}, '>=', 9, 'and the room is used');
cmp_ok($c->{requests}, '>', 100, "$c->{requests} were served");
ok($w->wait_access(qr/"status":503,.*"reason":"queue_full"/), 'the others were refused: queue_full');

# 40 clients against max=2, with a queue.
$storm = $w->storm('-p', $p, '-k', 40, '-u', '/queued/', '-t', 1, '-d', scale(3, 20));
my $d = $o->stats('d');
is($storm->{keepalive}{failed} // 0, 0, "with a queue none fails ($storm->{keepalive}{ok} served)") or diag explain $storm;
is($d->{most}, 2, 'max=2 is kept and used');

# One at a time, 0.3 s each: three wait, the fifth is told so, and when to come again.
my @wait = map { my $c = $w->conn; $c->send("GET /short/ HTTP/1.1\r\nHost: x\r\n\r\n"); $c } 1 .. 4;
until_true(sub { $o->stats('e')->{now} == 1 });
my $full = until_true(sub { my $m = $w->get('/short/'); $m->status eq '503' && $m }, 1);
is($full && $full->status, 503, 'a queue that is full refuses');
like($full->field('Retry-After'), qr/^[1-9]\d*$/, 'with Retry-After');
my $t = time;
is(join(' ', map { $_->recv_response->status } @wait), '200 200 200 200', 'those that wait are served');
$_->close for @wait;
is($o->stats('e')->{most}, 1, 'one at a time');

# Who leaves the queue leaves nothing behind.
@wait = map { my $c = $w->conn; $c->send("GET /short/ HTTP/1.1\r\nHost: x\r\n\r\n"); $c } 1 .. 4;
until_true(sub { $o->stats('e')->{now} == 1 });
$_->reset for @wait;
ok(until_true(sub { $o->stats('e')->{now} == 0 }), 'the one that was served is let go');
is($w->get('/short/')->status, 200, 'when all who waited have gone, the next is served');
done_testing;
