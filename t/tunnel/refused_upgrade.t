# An upgrade that the upstream refuses is ordinary HTTP: no tunnel, and the
# connection goes on.  A switch that nobody asked for is a fault.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        my ($status) = $m->target =~ m{^/(\d+)};
        if ($status && $status == 101) {
            my $to = $m->target =~ /other/ ? 'other' : 'websocket';
            $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: $to\r\nConnection: Upgrade\r\n\r\n");
            return 'stop';
        }
        $c->respond($status // 200, 'body', $status && $status == 426 ? (Upgrade => 'websocket', Connection => 'Upgrade') : ());
    });
} });
my @ask = (Upgrade => 'websocket', Connection => 'Upgrade', 'Sec-WebSocket-Key' => 'a', 'Sec-WebSocket-Version' => 13);

for my $status (200, 403, 426, 404) {
    my $c = $w->conn;
    my $m = $w->get("/$status", on => $c, fields => \@ask);
    is($m->status, $status, "refused by $status");
    is($m->body, 'body', 'with a body like any other');
    $m = $w->get('/next', on => $c);
    is($m->status, 200, 'the next request on the connection is a request');
    ok(!$m->closes, 'and it goes on');
}
my $c = $w->conn;
$c->send($w->request_text('/403', fields => \@ask) . $w->request_text('/pipelined'));
is($c->recv_response->status, 403, 'refused');
is($c->recv_response->status, 200, 'with a request behind it that is served as one');

is($w->get('/101', fields => [])->status, 502, '101 that nobody asked for');
is($w->get('/101/other', fields => \@ask)->status, 502, '101 to another protocol');
is($w->get('/101', fields => [ Upgrade => 'websocket' ])->status, 502, 'Upgrade without Connection is not asking');

my ($plain) = grep { $_->target eq '/101' && !$_->has('Upgrade') } $w->upstream_got('app');
ok($plain, 'nor is it passed on');
is($w->ended_requests->{'/101/other'}{reason}, 'upstream_bad_upgrade', 'upstream_bad_upgrade in the log');
done_testing;
