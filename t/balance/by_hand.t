# What an operator does with weirctl to servers, as their clients see it: drain,
# down, ready, weight; it holds over a reload.
use v5.36;
use Test::More;
use Weir;
use Weir::Origins;

my $w = Weir->new(start => 0, conf => <<'INI');
[weir]
workers = 2
error_log = @DIR@/error.log info
[upstream app]
server.a = 127.0.0.1:@UPSTREAM:a@
server.b = 127.0.0.1:@UPSTREAM:b@
balance = round_robin
sticky = cookie srv
slow_start = off
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI
my $o = Weir::Origins->new($w, [qw(a b)]);
$w->start;
sub split_of ($n = 12, %o) { $o->hits; my $good = $o->ask($n, %o); return join ' ', $good == $n ? () : "good $good", map { $_ // '-' } $o->hits }

is(split_of(), '6 6', 'both serve');
my $cookie;
until_true(sub { $o->hits; my $m = $w->get('/'); ($cookie) = $m->field('Set-Cookie') =~ /^(srv=\w+)/; ($o->hits)[1] });

is(($w->ctl('drain', 'app/b'))[0], 0, 'weirctl drain');
is(split_of(), '12 0', 'one that drains gets no new client');
is(split_of(6, fields => [Cookie => $cookie]), '0 6', 'and keeps its own');
$w->reload;
is(split_of(), '12 0', 'a reload changes nothing');
like(($w->ctl('upstreams'))[1], qr{app/b\s+draining}, 'and it shows');

is(($w->ctl('down', 'app/b'))[0], 0, 'weirctl down');
is(split_of(6, fields => [Cookie => $cookie]), '6 0', 'one that is down gets nobody');

is(($w->ctl('ready', 'app/b'))[0], 0, 'weirctl ready');
is(split_of(), '6 6', 'both serve again');
is(($w->ctl('weight', 'app/b', 3))[0], 0, 'weirctl weight');
is(split_of(), '3 9', 'weights by hand count at once');
$w->reload;
is(split_of(), '3 9', 'over a reload');
is(($w->ctl('ready', 'app/b'))[0], 0, 'until ready');
is(split_of(), '6 6', 'even again');

$w->ctl('down', "app/$_") for qw(a b);
is($w->get('/')->status, 503, 'all down by hand: 503, whatever');
done_testing;
