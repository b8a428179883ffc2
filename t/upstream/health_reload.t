# What checks have found out stays: over a reload, with a new keeper, and while
# a server is asked by another generation.  Without checks nobody is down.
use v5.36;
use Test::More;
use Weir;

my $checks = "health.path = /up\nhealth.interval = 150ms\nhealth.rise = 3\n";
my $conf = <<'INI';
[upstream app]
server.good = 127.0.0.1:@UPSTREAM:good@
server.bad = 127.0.0.1:@UPSTREAM:bad@
CHECKS
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
INI
sub with ($text) { $conf =~ s/CHECKS\n/$text/r }
# Checks are answered by a file, requests always.
my $script = sub ($c) {
    $c->each_request(sub ($c, $m) {
        $c->respond($m->{target} eq '/up' && !-e "$c->{test_dir}/$c->{name}.up" ? 500 : 200, $c->{name});
    });
};
my $w = Weir->new(start => 0, log => 'json', upstream => { good => $script, bad => $script }, conf => with($checks));
$w->write_file('good.up', '');
$w->start;

sub lines ($re) { scalar grep { /$re/ } split /\n/, $w->error_log }
sub asked ($name) { scalar grep { $_->{target} eq '/up' } $w->upstream_got($name) }
sub served ($name) { scalar grep { $_->{target} ne '/up' } $w->upstream_got($name) }

ok $w->wait_log(qr/server is down upstream=app server=bad .*reason="status=500" checks=1;/), 'the first check decides';
until_true(sub { asked('good') >= 2 });

my $keeper = $w->keeper;
is $w->reload(conf => with("health.path = /up\nhealth.interval = 10s\nhealth.rise = 3\n")), 0, 'a reload, to checks that are rare';
until_true(sub { my $k = $w->keeper; $k && $k != $keeper }, 5);
my $before = asked('bad');
ok until_true(sub { asked('bad') > $before }, 5), 'the new keeper checks';
is lines(qr/server is down/), 1, 'it knows that the server is down';

is $w->reload(conf => with($checks)), 0, 'a reload, to checks that are often';
until_true(sub { asked('bad') > $before + 5 });
is lines(qr/server is/), 1, 'nothing has changed';

# A new keeper goes on in the middle of a row.
$keeper = $w->keeper;
$w->expect_death;
$w->signal('KILL', $keeper);
until_true(sub { my $k = $w->keeper; $k && $k != $keeper }, 5);
$before = asked('bad');
ok until_true(sub { asked('bad') > $before + 1 }), 'a keeper is killed, the next one checks';
is lines(qr/server is/), 1, 'and what was known stays';

$w->write_file('bad.up', '');
ok $w->wait_log(qr/server is up upstream=app server=bad .*checks=3;/), 'the server is good again: it is up';

unlink $w->dir . '/bad.up';
until_true(sub { lines(qr/server is down/) == 2 });
is $w->reload(conf => with('')), 0, 'a reload, to no checks at all';
$keeper = $w->keeper;
until_true(sub { my $n = asked('bad'); select undef, undef, undef, 0.5; $n == asked('bad') }, 5);
is $w->reload(conf => with($checks)), 0, 'and to checks again';
ok until_true(sub { lines(qr/server is down .*checks=1;/) == 2 }), 'nothing was known any more: the first check decides';

# Requests (workers look at what was found out).
until_true(sub { $w->get("/warm")->status == 200 }, 2);
my $served = served('bad');
my $failed = 0;
for my $round (1 .. 4) {
    $failed += $w->get("/r$round/$_")->status ne 200 for 1 .. 10;
    $w->signal('HUP');
    for (1 .. 30) { $failed += $w->get("/r$round/after/$_")->status ne 200; select undef, undef, undef, 0.01 }
}
is $failed, 0, 'no request fails over reloads';
is served('bad') - $served, 0, 'and none comes to a server that is down, not even before its first check by the new keeper';

# A verdict reaches the workers at once.
$w->write_file('bad.up', '');
my $ups = lines(qr/server is up/);
my $downs = lines(qr/server is down/);
until_true(sub { lines(qr/server is up/) > $ups });
$served = served('bad');
ok until_true(sub { $w->get('/up-again'); served('bad') > $served }), 'a server that is up has requests';
unlink $w->dir . '/bad.up';
until_true(sub { $w->get('/meanwhile'); lines(qr/server is down/) > $downs });
select undef, undef, undef, 0.1;
$served = served('bad');
$w->get("/after/$_") for 1 .. 40;
is served('bad'), $served, 'one that has gone down has none 100 ms after that';
done_testing;
