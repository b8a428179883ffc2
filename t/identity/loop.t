# A configuration that sends requests back to weir ends with 508 and not with
# every connection used up.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@PORT:http@
INI

is($w->get('/round')->status, 508, 'a loop is refused');
$w->stop;
my @lines = $w->access;
cmp_ok(scalar @lines, '<=', 3, 'after two passages');
is($lines[0]{reason}, 'loop', 'loop in the log');

done_testing;
