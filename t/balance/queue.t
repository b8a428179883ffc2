# First come, first served: over 4 workers, requests that wait are served in
# the order in which they came; one whose time is over is told so.
use v5.36;
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Origins;

my $w = Weir->new(start => 0, conf => <<'INI');
[weir]
workers = 4
error_log = @DIR@/error.log info
[upstream one]
server.a = 127.0.0.1:@UPSTREAM:a@ max=1
queue = 100 for 10s
[upstream brief]
server.b = 127.0.0.1:@UPSTREAM:b@ max=1
queue = 100 for 200ms
[server *]
listen = 127.0.0.1:@PORT:http@
/one/* = one
/brief/* = brief
INI
my $o = Weir::Origins->new($w, [qw(a b)], args => { a => ['-D', 150], b => ['-D', 1500] });
$w->start;
sub queued ($name) { (grep { $_->{name} eq $name } @{ $w->ctl_json('upstreams') })[0]{queued} }

my @c;
for my $i (0 .. 7) {
    push @c, my $c = $w->conn;
    $c->send("GET /one/$i HTTP/1.1\r\nHost: x\r\n\r\n");
    until_true(sub { $i == 0 ? $o->stats('a')->{now} == 1 : queued('one') + $o->stats('a')->{requests} >= $i }) or fail('it does not wait');
}
my (@order, %left);
%left = map { $_ => $c[$_] } 0 .. 7;
while (%left) {
    my $bits = '';
    vec($bits, fileno $left{$_}->sock, 1) = 1 for keys %left;
    select $bits, undef, undef, 10 or last;
    for my $i (sort keys %left) {
        next unless vec $bits, fileno $left{$i}->sock, 1;
        push @order, $i;
        is(delete($left{$i})->recv_response->status, 200, "request $i is served");
    }
}
is("@order", '0 1 2 3 4 5 6 7', 'in the order in which they came');

my $first = $w->conn;
$first->send("GET /brief/ HTTP/1.1\r\nHost: x\r\n\r\n");
until_true(sub { $o->stats('b')->{now} == 1 });
my $t = time;
my $late = $w->get('/brief/');
is($late->status, 503, 'one whose time in the queue is over: 503');
cmp_ok(time - $t, '<', 1 * slow(), 'when it is over, not later');
like($late->field('Retry-After'), qr/^\d+$/, 'with Retry-After');
like($w->wait_log(qr/reason=queue_timeout/), qr/status=503/, 'reason queue_timeout');
is($first->recv_response->status, 200, 'the first is served');
done_testing;
