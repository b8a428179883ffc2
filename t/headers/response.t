# What a client is sent: fields set, added and removed, of the upstream's
# answers and of weir's own.
use v5.36;
use Test::More;
use Weir;

my @fields = ('Content-Type' => 'text/plain', Server => 'app/1.0', 'X-Powered-By' => 'p', 'x-powered-by' => 'q', Link => '</a>', Link => '</b>',
    'X-Kept' => 'k', 'Cache-Control' => 'no-store', 'Cache-Control' => 'private', 'Set-Cookie' => 'a=1', 'Set-Cookie' => 'b=2', 'Trace' => 't');
my $w = Weir->new(conf => <<'INI', upstream => { app => [ fixed => fields => \@fields ], plain => [ fixed => body => 'plain' ], ws => 'websocket',
[defaults]
response_header.X-Level = defaults
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/plain = 127.0.0.1:@UPSTREAM:plain@
/dead = 127.0.0.1:@UPSTREAM:dead@
/bad = 127.0.0.1:@UPSTREAM:bad@
/ws = 127.0.0.1:@UPSTREAM:ws@
/moved = redirect:/there
/fixed = status:200 fixed
/gone = status:410
/none = status:204
response_header.Server =
response_header.X-Powered-By =
response_header.Link#2 = + </c>; rel=preload
response_header.Link = + "</d>"
response_header.Cache-Control = max-age=60
response_header.X-Frame-Options = DENY
response_header.X-Id = %{request_id} %{upstream}
response_header.X-Status-Is = 100%%
response_header.Trace =
[server only.example]
listen = 127.0.0.1:@PORT:http@
/only = status:200
response_header.X-Level = server
[route */cookies]
response_header.Set-Cookie = c=3
response_header.Set-Cookie#2 = d=4
response_header.Location = /elsewhere
[route */typed]
response_header.Content-Type = text/html
response_header.Date = Thu, 01 Jan 1970 00:00:00 GMT
INI
    bad => [ raw => text => "HTTP/1.1 banana\r\n\r\n" ] });

my $c = $w->conn;
my $m;
sub have (@names) { join ' ', map { my $n = $_; join '|', $m->all($n) } @names }

$m = $w->get('/x', on => $c);
is(have(qw(Server X-Powered-By Trace)), '  ', 'removed, all lines');
is(have('Link'), '</a>|</b>|"</d>"|</c>; rel=preload', 'added to, in the order of the numbers');
is(have('Cache-Control'), 'max-age=60', 'set in place of two');
is(have(qw(X-Kept X-Frame-Options Content-Type)), 'k DENY text/plain', 'the others are as they were');
is(have('Set-Cookie'), 'a=1|b=2', 'cookies too');
like(have('X-Id'), qr/^[0-9a-f]{32} 127\.0\.0\.1:\d+$/, 'variables');
is(have('X-Status-Is'), '100%', 'a percent sign');
is($m->body, 'ok', 'the body is as it was');
$m = $w->get('/x', on => $c, method => 'HEAD');
is(have(qw(Server X-Frame-Options Cache-Control)), ' DENY max-age=60', 'HEAD');
$m = $w->get('/cookies', on => $c);
is(have('Set-Cookie'), 'c=3|d=4', 'several values replace several');
$m = $w->get('/typed', on => $c);
is(have('Content-Type', 'Date'), 'text/html Thu, 01 Jan 1970 00:00:00 GMT', 'one Content-Type and one Date');
is($m->framing . $m->body, 'lengthok', 'and the framing is weir\'s');

# weir's own answers.
my @own = (
    [ '/moved', 302, 'a redirection' ], [ '/fixed', 200, 'a fixed answer' ], [ '/gone', 410, 'an error page' ], [ '/none', 204, 'no content' ],
    [ '/dead', 502, 'a dead upstream' ], [ '/bad', 502, 'an upstream that talks rubbish' ], [ '/x/%2e%2e/%2e%2e/%00', 400, 'an ambiguous path' ],
);
for (@own) {
    my ($path, $status, $name) = @$_;
    $m = $w->get($path);
    is($m->status . ' ' . have(qw(X-Level X-Frame-Options Cache-Control Server)), "$status defaults DENY max-age=60 ", "$name: $status");
}
$m = $w->get('/moved');
is(have('Location'), '/there', 'Location is the redirection\'s');
$m = $w->get('/cookies', host => 'a/b');
is($m->status . ' ' . have(qw(X-Level X-Frame-Options)), '400 defaults ', 'a bad request has the rules of [defaults]');
$m = $w->get('/other', host => 'only.example');
is($m->status . ' ' . have(qw(X-Level X-Frame-Options)), '404 server ', 'a path without a route those of the server');
$m = $w->get('*', method => 'OPTIONS');
is($m->status . ' ' . have('X-Level'), '204 defaults', 'OPTIONS *');
like($w->raw("GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n"), qr{^HTTP/1\.1 400 .*^X-Level: defaults\r\n}ms, 'what is no request at all');

# An upgrade passes, with the rules.
$m = $w->get('/ws', on => $w->conn, fields => [ Connection => 'Upgrade', Upgrade => 'websocket', 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version' => 13 ]);
is($m->status . ' ' . have(qw(Upgrade X-Frame-Options)), '101 websocket DENY', 'WebSocket');

# Several at once on one connection.
$c->send(join '', map { $w->request_text($_) } qw(/x /plain /fixed /gone /plain /x));
my @ids = map { $m = $c->recv_response; is(have('X-Frame-Options', 'Link') =~ s{^DENY (?:</a>\|</b>\|)?}{}r, '"</d>"|</c>; rel=preload', "pipelined $_"); have('X-Id') } 1 .. 6;
is(scalar keys %{ { map { $_ => 1 } @ids } }, 6, 'each with a value of its own');
done_testing;
