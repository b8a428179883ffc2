# Workers are killed at any moment under load: no request stays counted, no
# lock stays taken, no server stays out, and a `max` can be used to the full
# afterwards.
use v5.36;
use Test::More;
use Time::HiRes qw(time sleep);
use Weir;
use Weir::Origins;

my $kills = scale(30, 200);
my $seconds = scale(15, 100);
my $w = Weir->new(start => 0, conf => <<'INI');
[weir]
workers = 4
error_log = @DIR@/error.log error
[upstream app]
server.a = 127.0.0.1:@UPSTREAM:a@ max=6
server.b = 127.0.0.1:@UPSTREAM:b@ max=6
server.c = 127.0.0.1:@UPSTREAM:c@ max=6
balance = least_conn
queue = 1000 for 10s
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI
my $o = Weir::Origins->new($w, [qw(a b c)], args => { map { $_ => ['-D', 3] } qw(a b c) });
$w->start;
$w->expect_death($kills);

my $storm = $w->storm_start('-p', $w->port, '-c', 30, '-k', 30, '-u', '/', '-t', 1, '-d', $seconds + 2);
my $keeper_killed = 0;
for my $i (1 .. $kills) {
    my $at = time + $seconds / $kills;
    my @workers = $w->workers or redo;
    kill KILL => $workers[ rand @workers ];
    sleep($at - time) if $at > time;
}
my $said = $w->storm_end($storm);
cmp_ok($said->{requests}, '>', $kills * 20, "$said->{requests} requests around $kills kills");
ok(until_true(sub { $w->workers == 4 }), 'four workers stand again');

# Nothing is in flight: every place of every server can be used at once, and is.
ok(until_true(sub { !grep { $o->stats($_)->{now} } qw(a b c) }), 'the load has ended');
my $before = $o->stats('a')->{requests};
my @all = map { my $c = $w->conn; $c->send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"); $c } 1 .. 18;
is(join(' ', sort map { $_->recv_response->status } @all), join(' ', ('200') x 18), '18 requests at once are served');
$_->close for @all;
is((grep { $o->stats($_)->{requests} == 0 } qw(a b c)), 0, 'every server is in rotation');
unlike($w->error_log, qr/zone .* emptied/, 'no zone had to be emptied');
my ($app) = grep { $_->{name} eq 'app' } @{ $w->ctl_json('upstreams') };
is(join(' ', map { "$_->{name}=$_->{inflight}" } @{ $app->{servers} }), 'a=0 b=0 c=0', 'nothing is counted as in flight');
is($app->{queued}, 0, 'nor as waiting');
done_testing;
