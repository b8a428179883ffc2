# Four workers get about as many connections each: each has an upstream
# connection of its own, by whose number it is known.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) {
[weir]
workers = 4
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) { $c->respond(200, $c->number) });
} });

my %count;
$count{ $w->get('/')->body }++ for 1 .. 2000;
my @n = sort { $a <=> $b } values %count;
is(scalar @n, 4, 'every worker has served') or diag(explain \%count);
cmp_ok($n[-1] / $n[0], '<', 1.5, "the most loaded has less than 1.5 times the least loaded (@n)");

done_testing;
