# Which server and which route: names, paths and conditions, through sockets.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json');
[server exact.example www.exact.example]
listen = 127.0.0.1:@PORT:http@
/* = status:200 all
/ = status:200 root
/api/* = status:200 api
/api/v1/* = status:200 v1
/api/v1/me = status:200 me
[server *.example]
listen = 127.0.0.1:@PORT:http@
/* = status:200 wild
[server *.deep.example]
listen = 127.0.0.1:@PORT:http@
/* = status:200 deep
[server only.test]
listen = 127.0.0.1:@PORT:http@, 127.0.0.1:@PORT:other@
/only = status:200 only
[server *]
listen = 127.0.0.1:@PORT:other@
/* = status:200 any
[route exact.example/api/* post]
to = status:200 post
if.method = POST PUT
[route exact.example/api/* beta]
to = status:200 beta
if.header.X-Beta = on
if.method = GET
[route exact.example/api/v1/* inside]
to = status:200 inside
if.client = 127.0.0.9
[route exact.example/search]
to = status:200 search
if.query.q = *
INI

my $c = $w->conn;
sub goes ($host, $path, $want, %o) {
    my $m = $w->get($path, on => $c, host => $host, %o);
    is($m->status == 200 ? $m->body : $m->status, $want, ($o{method} // 'GET') . " $host $path");
}

goes('exact.example', '/', 'root');
goes('EXACT.example', '/', 'root');
goes('exact.example.', '/', 'root');
goes('www.exact.example:81', '/x', 'all');
goes('a.exact.example', '/', 'wild');
goes('b.a.example', '/', 'wild');
goes('deep.example', '/', 'wild');
goes('a.b.deep.example', '/', 'deep');
goes('example', '/', 421);
goes('only.test', '/only', 'only');
goes('only.test', '/only/', 404);
goes('only.test', '/', 404);

goes('exact.example', '/apix', 'all');
goes('exact.example', '/api', 'api');
goes('exact.example', '/api/', 'api');
goes('exact.example', '/api/v1x', 'api');
goes('exact.example', '/api/v1', 'v1');
goes('exact.example', '/api/v1/me', 'me');
goes('exact.example', '/api/v1/me?a', 'me');
goes('exact.example', '/api/v1/me/', 'v1');
goes('exact.example', '/x/../api/./v1//me', 'me');
goes('exact.example', '/%61pi/v1/%6De', 'me');
goes('exact.example', '/API', 'all');

goes('exact.example', '/api/x', 'post', method => 'POST');
goes('exact.example', '/api/v1', 'v1', method => 'POST');
goes('exact.example', '/api/x', 'api', method => 'DELETE');
goes('exact.example', '/api/x', 'beta', fields => [ 'x-beta' => 'on' ]);
goes('exact.example', '/api/x', 'api', fields => [ 'X-Beta' => 'ON' ]);
goes('exact.example', '/search?q', 'search');
goes('exact.example', '/search?a=b&%71=1', 'search');
goes('exact.example', '/search?qq=1', 'all');

is($w->get('/api/v1/x', host => 'exact.example', from => '127.0.0.9')->body, 'inside', 'if.client');
is($w->get('/only', host => 'only.test', port => 'other')->body, 'only', 'another listener, the same server');
is($w->get('/', host => 'exact.example', port => 'other')->body, 'any', 'names are of a listener');

my $log = $w->ended_requests;
is($log->{'/only/'}{reason}, 'no_route', 'no_route in the log');
is($log->{'/api/v1/me?a'}{route}, 'exact.example/api/v1/me', 'the route has a name');
is((grep { $_->{host} eq 'example' } $w->access)[0]{reason}, 'no_server', 'no_server in the log');

done_testing;
