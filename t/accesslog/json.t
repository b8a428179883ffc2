# `json`: one valid object a line, nginx's names, the route, the upstream, the
# times, and one reason for each failure.
use v5.36;
use Test::More;
use JSON::PP;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo', slow => [ slow => ms => 150 ] }, log => 'json');
[upstream app]
server = 127.0.0.1:@UPSTREAM:app@
[server shop.example]
listen = 127.0.0.1:@PORT:http@
/* = app
/slow/* = 127.0.0.1:@UPSTREAM:slow@
/dead/* = 127.0.0.1:1
/fixed = status:200 fixed
INI

my $c = $w->conn;
my @names = qw(time_iso8601 remote_addr peer_addr remote_user connection connection_requests request_id request
    request_method scheme host request_uri uri server_protocol http_referer http_user_agent request_length status
    bytes_sent body_bytes_sent request_time reason route upstream upstream_addr upstream_status attempts
    upstream_connect_time upstream_header_time upstream_response_time);

my $m = $w->get('/a/./b?q=%22', on => $c, host => 'Shop.example', fields => [ Referer => "http://r/\xc3\xa9", 'User-Agent' => "a\"b\\c\xff" ]);
$w->get('/slow/1', on => $c, host => 'shop.example');
is($w->get('/dead/1', on => $c, host => 'shop.example')->status, 502, 'a server that is not there');
$w->get('/fixed', on => $c, host => 'shop.example');
$w->raw("BROKEN\"\xff\r\n\r\n");

my @raw = $w->wait_access(5);
is(scalar @raw, 5, 'a line a request');
my @lines = map { JSON::PP->new->utf8->decode($_) } @raw;
for my $i (0 .. 4) {
    is_deeply([ sort keys %{ $lines[$i] } ], [ sort @names ], "line $i has all names");
}
my ($a, $slow, $dead, $fixed, $broken) = @lines;

like($a->{time_iso8601}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/, 'time');
is($a->{remote_addr}, '127.0.0.1', 'remote_addr');
is($a->{request}, 'GET /a/./b?q=%22 HTTP/1.1', 'request, as it came');
is($a->{request_uri}, '/a/./b?q=%22', 'request_uri too');
is($a->{uri}, '/a/b', 'uri is the canonical path');
is($a->{host}, 'shop.example', 'host');
is($a->{http_referer}, "http://r/\x{e9}", 'UTF-8 passes');
is($a->{http_user_agent}, "a\"b\\c\x{fffd}", 'what is none is replaced');
is($a->{status}, 200, 'status');
is($a->{body_bytes_sent}, length $m->body, 'body_bytes_sent');
cmp_ok($a->{bytes_sent}, '>', $a->{body_bytes_sent}, 'bytes_sent has the head too');
cmp_ok($a->{request_length}, '>', 40, 'request_length');
is($a->{route}, 'shop.example/*', 'route');
is($a->{upstream}, 'app', 'upstream');
is($a->{upstream_addr}, '127.0.0.1:' . $w->upstream_port('app'), 'upstream_addr');
is($a->{upstream_status}, 200, 'upstream_status');
is($a->{attempts}, 1, 'attempts');
is($a->{reason}, '', 'no reason');
like($a->{request_id}, qr/^[0-9a-f]{32}$/, 'request_id');
is($a->{request_id}, (Weir::echoed(JSON::PP->new->latin1->decode($m->body), 'X-Request-ID'))[0], 'as the upstream was told');

cmp_ok($slow->{request_time}, '>=', 0.14, 'request_time');
cmp_ok($slow->{upstream_header_time}, '>=', 0.14, 'upstream_header_time');
cmp_ok($slow->{upstream_response_time}, '>=', 0.14, 'upstream_response_time');
is($slow->{connection}, $a->{connection}, 'the same connection');
is($slow->{connection_requests}, 2, 'its second request');

is($dead->{status}, 502, 'failed: status');
is($dead->{reason}, 'upstream_connect', 'failed: reason');
is($dead->{upstream_header_time}, undef, 'failed: no header');
is($fixed->{upstream}, '', 'answered here: no upstream');
is($fixed->{attempts}, 0, 'answered here: no attempt');
is($fixed->{upstream_status}, undef, 'answered here: no upstream_status');
is($broken->{request}, "BROKEN\"\x{fffd}", 'broken: what there is of it');
is($broken->{status}, 400, 'broken: status');
is($broken->{reason}, 'bad_method', 'broken: reason');
is($broken->{route}, '127.0.0.1:' . $w->port, 'broken: the listener stands for the route');

done_testing;
