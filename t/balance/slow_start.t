# A server that comes back gets a tenth of its share first, and all of it later.
use v5.36;
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Origins;

my $seconds = 4 * slow();
my $w = Weir->new(start => 0, conf => <<"INI");
[weir]
workers = 1
error_log = \@DIR\@/error.log info
[upstream app]
server.a = 127.0.0.1:\@UPSTREAM:a\@
server.b = 127.0.0.1:\@UPSTREAM:b\@
balance = round_robin
slow_start = ${seconds}s
[server *]
listen = 127.0.0.1:\@PORT:http\@
/* = app
INI
my $o = Weir::Origins->new($w, [qw(a b)]);
$w->start;
sub share_of_b ($n) { $o->hits; $o->ask($n); my ($a, $b) = $o->hits; return $b / $n }

is(share_of_b(20), 0.5, 'at first both have their half');
$w->ctl('down', 'app/b');
is(share_of_b(20), 0, 'one is taken out');
$w->ctl('ready', 'app/b');
my $began = time;
my $first = share_of_b(44);
SKIP: {
    skip 'this machine was too slow to see the start', 1 if time - $began > $seconds / 5;
    cmp_ok($first, '<=', 0.25, "back again: $first of the requests");
}
ok(until_true(sub { my $s = share_of_b(40); $s > 0.3 && $s < 0.5 || time - $began > $seconds }, $seconds), 'it grows');
ok(until_true(sub { share_of_b(20) == 0.5 }, 3 * $seconds), 'to its half');
cmp_ok(time - $began, '>=', $seconds * 0.7, 'not before the time is over');
done_testing;
