# deadline is counted from the complete head, however long the head took, and
# is lowered by grpc-timeout.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) { $c->recv_request; sleep 20 } }, log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
deadline = 800ms
INI

my $c = $w->conn;
$c->send("GET /slow-head HTTP/1.1\r\nHost: a\r\n");
sleep 1;
my $m;
my $took = elapsed(sub { $c->send("\r\n"); $m = $c->recv_response });
is($m->status, 504, 'the deadline passes');
cmp_ok($took, '>', 0.7, 'and not before its time');

$took = elapsed(sub { $m = $w->get('/grpc', fields => [ 'grpc-timeout' => '100m' ]) });
is($m->status, 504, 'a client may ask for less');
cmp_ok($took, '<', 0.6 * slow(), 'and gets it');
like($w->ended_requests->{'/grpc'}{reason}, qr/^(?:deadline|total_timeout)$/, 'by one of the two that it lowers');

done_testing;
