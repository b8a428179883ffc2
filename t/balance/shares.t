# Who gets how many requests, by each way to balance: with all servers up, with
# one that refuses (its requests are tried elsewhere, then it is ejected), and
# with one drained out.
use v5.36;
use Test::More;
use Weir;
use Weir::Origins;

my @ways = ('p2c', 'round_robin', 'least_conn', 'ewma', 'random', 'hash path', 'ip_hash');
my $upstreams = join '', map { my $name = s/ /_/gr; <<"INI" } @ways;
[upstream $name]
server.a = 127.0.0.1:\@UPSTREAM:a\@ weight=3
server.b = 127.0.0.1:\@UPSTREAM:b\@ weight=2
server.c = 127.0.0.1:\@UPSTREAM:c\@ weight=1
balance = $_
slow_start = off
eject = 2 errors in 10s for 1h, at most 50%
INI
$upstreams =~ s/(?=balance = ewma)/server.slow = 127.0.0.1:\@UPSTREAM:slow\@ weight=3\n/;
my $routes = join '', map { "/" . s/ /_/gr . "/* = " . s/ /_/gr . "\n" } @ways;
my $w = Weir->new(start => 0, conf => <<"INI");
[weir]
workers = 1
error_log = \@DIR\@/error.log info
$upstreams
[server *]
listen = 127.0.0.1:\@PORT:http\@
$routes
INI
my $o = Weir::Origins->new($w, [qw(a b c slow)], args => { slow => ['-D', 20] });
$w->start;

# Chance: the count of a share p of n is within 5 standard deviations, which fails once in two million runs.
sub near ($got, $n, $p, $what) {
    my $sd = sqrt($n * $p * (1 - $p));
    cmp_ok(abs($got - $n * $p), '<=', 5 * $sd + 1, "$what: $got of $n, about " . int($n * $p));
}

my $n = 600;
is($o->ask($n, path => '/round_robin/'), $n, 'round_robin: all answered');
is(join(' ', $o->hits), '300 200 100 0', 'exactly by weight');
is($o->ask(6, path => '/round_robin/'), 6, 'six more');
is(join(' ', $o->hits), '3 2 1 0', 'in each round');

is($o->ask($n, path => '/least_conn/'), $n, 'least_conn, one request at a time');
is(join(' ', $o->hits), "$n 0 0 0", 'all are idle: the heaviest would be loaded least');

for my $way (qw(p2c random)) {
    $o->ask($n, path => "/$way/");
    my @hits = $o->hits;
    near($hits[$_], $n, (3, 2, 1)[$_] / 6, "$way: $_") for 0 .. 2;
}
$o->ask(100, path => '/ewma/');
my @ewma = $o->hits;
is($ewma[0] + $ewma[1] + $ewma[2] + $ewma[3], 100, "ewma: all are asked (@ewma)");
cmp_ok($ewma[3], '<=', 10, 'but hardly the one that is slow');

$o->ask(50, path => '/ip_hash/');
is((grep { $_ == 50 } $o->hits), 1, 'ip_hash: one client, one server');

my %owner;
for my $key (1 .. 60) {
    $o->ask(1, path => "/hash_path/$key");
    my @hits = $o->hits;
    $owner{$key} = (grep { $hits[$_] } 0 .. 2)[0];
}
my @owned = map { my $s = $_; scalar grep { $_ == $s } values %owner } 0 .. 2;
ok($owned[0] > $owned[2] && $owned[2] > 0, "hash: keys are spread by weight (@owned)");

# One refuses.
$w->stop_upstream('b');
is($o->ask($n, path => '/round_robin/'), $n, 'with one that refuses: all answered');
my @left = $o->hits;
is($left[0] + $left[2], $n, "by the two others (@left[0, 2])");
is($o->ask(400, path => '/round_robin/'), 400, 'once it is ejected');
is(join(' ', map { $_ // '-' } $o->hits), '300 - 100 0', 'exactly by the weights that are left');
for my $way (qw(p2c random least_conn)) {
    is($o->ask(100, path => "/$way/"), 100, "$way: all answered");
    my @h = $o->hits;
    is($h[0] + $h[2], 100, "by the others (@h[0, 2])");
}
my $moved = 0;
for my $key (1 .. 60) {
    $o->ask(1, path => "/hash_path/$key");
    my @hits = $o->hits;
    my $now = (grep { $hits[$_] } 0, 2)[0] // 1;
    $moved++ if $now != $owner{$key} && $owner{$key} != 1;
}
is($moved, 0, 'hash: keys of the others stay where they are');
$w->origin('b');
like($w->error_log, qr/server ejected server=round_robin\/b errors=2 /, 'the log tells who was ejected and why');
done_testing;
