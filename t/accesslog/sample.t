# sample: one of N, but each failure; access_log = off writes nothing.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI');
[log some]
path = @DIR@/some.log
sample = 5
[server *]
listen = 127.0.0.1:@PORT:http@
access_log = some
/* = status:200 ok
/dead = 127.0.0.1:1
/quiet = status:200 ok
[route /quiet]
access_log = off
INI

my $c = $w->conn;
$w->get('/fine', on => $c) for 1 .. 500;
$w->get('/quiet', on => $c) for 1 .. 50;
$w->get('/dead', on => $c) for 1 .. 30;
$w->stop;
my @lines = $w->access_log('some.log');
my $fine = grep { m{/fine} } @lines;
cmp_ok($fine, '>', 60, "of 500 requests $fine are logged");
cmp_ok($fine, '<', 150, 'about one of five');
is(scalar(grep { m{/dead} } @lines), 30, 'each failure is');
is(scalar(grep { m{/quiet} } @lines), 0, 'off is off');

done_testing;
