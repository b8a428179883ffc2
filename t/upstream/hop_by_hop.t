# Hop-by-hop fields and those that Connection names go no further, whatever
# their case, place and repetition, in requests and in responses.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo', down => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/up = 127.0.0.1:@UPSTREAM:app@
/down = 127.0.0.1:@UPSTREAM:down@
INI
    $c->each_request(sub ($c, $m) {
        $c->send("HTTP/1.1 200 OK\r\nX-Before: 1\r\nX-KEEP: yes\r\nConnection: x-before, ,X-After\r\nconnection:X-third\t,  keep-alive\r\n"
            . "X-After: 1\r\nX-THIRD: 1\r\nX-After: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: x\r\n"
            . "Upgrade: h2c\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok");
    });
} });

my $d = $w->get_json('/up', fields => [
    'X-Before' => 1, 'X-KEEP' => 'yes', Connection => 'x-before, ,X-After', connection => "X-third\t,  keep-alive", 'X-After' => 1,
    'X-THIRD' => 1, 'X-After' => 2, 'Keep-Alive' => 'timeout=5', 'Proxy-Connection' => 'keep-alive', TE => 'gzip', Upgrade => 'h2c',
    'Proxy-Authenticate' => 'x',
]);
my $m = $w->get('/down');
is($m->status, 200);
for my $name (qw(X-Before X-After X-Third Keep-Alive Proxy-Connection Upgrade)) {
    is(scalar Weir::echoed($d, $name), 0, "$name does not reach the upstream");
    ok(!$m->has($name), 'nor the client');
}
is(join('|', Weir::echoed($d, 'X-Keep')), 'yes', 'what nobody named passes up');
is($m->field('X-Keep'), 'yes', 'and down');
ok(!(grep { /x-|close/i } Weir::echoed($d, 'Connection')), 'Connection itself is not passed on');
ok(!(grep { /^x-/ } $m->list('Connection')), 'in either direction');
ok(!(grep { /gzip/i } Weir::echoed($d, 'TE')), 'TE is ours');

# Naming what a proxy must add or needs does not take it away.
$d = $w->get_json('/up', fields => [ Connection => 'X-Forwarded-For, X-Real-IP, Host, Content-Length, Via, X-Request-ID' ], body => 'hello');
is(join('|', Weir::echoed($d, 'X-Forwarded-For')), '127.0.0.1', 'X-Forwarded-For cannot be named away');
is(join('|', Weir::echoed($d, 'X-Real-IP')), '127.0.0.1', 'nor X-Real-IP');
is(join('|', Weir::echoed($d, 'Host')), 'localhost', 'nor Host');
is($d->{body}, 'hello', 'nor the framing');
is(scalar(my @via = Weir::echoed($d, 'Via')), 1, 'nor Via');

done_testing;
