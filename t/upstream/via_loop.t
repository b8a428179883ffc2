# A request that comes round to the same instance ends as 508 and does not turn
# for ever.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo' });
[server loop.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@PORT:http@
[server twice.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@PORT:http@
[server app.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
[route twice.example/*]
host = app.example
INI

is($w->get('/x', host => 'loop.example')->status, 508, 'a loop ends');
my $d = $w->get_json('/y', host => 'twice.example');
is($d->{target}, '/y', 'through one instance once more is no loop');
is(scalar(my @ids = map { /weir-[0-9a-f]{8}/g } Weir::echoed($d, 'Via')), 2, 'Via has both');
$w->stop;
my @lines = grep { $_->{request_uri} eq '/x' } $w->access;
is(scalar(grep { $_->{reason} eq 'loop' } @lines), 1, 'reason loop');
cmp_ok(scalar @lines, '<', 5, 'after a turn or two');
done_testing;
