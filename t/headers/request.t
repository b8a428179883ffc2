# What an upstream is sent: fields set, added and removed, whatever the client
# sent under their names; the request itself stays as it came.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo', other => 'echo' });
[weir]
trusted_proxies = 127.0.0.9
[upstream app]
server = 127.0.0.1:@UPSTREAM:app@
server.b = 127.0.0.1:@UPSTREAM:other@
sticky = cookie at
[server *]
listen = 127.0.0.1:@PORT:http@
/plain = app
/* = app
request_header.X-Set = one
request_header.X-Gone =
request_header.x-many = only
request_header.X-More = + mine
request_header.X-Two = first
request_header.X-Two#3 = third
request_header.X-Two#2 = second
request_header.User-Agent = weir's
request_header.Cookie =
request_header.Authorization = Basic YTpi
request_header.X-Vars = %{client_ip} %{host} %{method} %{path} %{query} 100%% %%{host}
request_header.X-Empty = %{query}
request_header.X-Off = off
request_header.Accept-Encoding =
[route */forwarded/*]
request_header.X-Forwarded-Proto = https
request_header.X-Forwarded-For = %{client_ip}
request_header.X-Forwarded-Host =
request_header.X-Real-IP = 192.0.2.77
request_header.X-Request-ID = mine-%{request_id}
request_header.Forwarded = for=%{client_ip}
[route */keep/*]
underscores = keep
request_header.X_Under = weir's
[route */plain]
request_header.X-Set = inherit
request_header.X-Gone = inherit
INI

my $c = $w->conn;
my $d;
sub ask ($path, @fields) {
    $d = $w->get_json($path, on => $c, host => 'shop.example:81', fields => \@fields);
    return sub ($name) { join '|', Weir::echoed($d, $name) };
}

my $f = ask('/a');
is($f->('X-Set'), 'one', 'set where the client sent none');
is($f->('X-More'), 'mine', 'added where there was none');
is($f->('X-Gone'), '', 'nothing to remove');
is($f->('X-Off'), 'off', 'off is text');
is($f->('X-Empty'), '', 'a value that comes out empty is no field');
is($f->('X-Two'), 'first|second|third', 'several of one name, in the order of their numbers');
is($f->('User-Agent'), "weir's", 'a name that weir knows');

$f = ask('/b', 'X-SET' => 'evil', 'x-set' => 'again', 'X-Gone' => '1', 'X-GONE' => '2', 'x-gone' => '3', 'X-Many' => 'a', 'X-Other' => 'x',
    'X-MANY' => 'b', 'X-More' => 'theirs', 'X-Two' => 'zero', 'User-Agent' => 'a browser', 'Accept-Encoding' => 'gzip', 'accept-encoding' => 'br');
is($f->('X-Set'), 'one', 'both lines of the client are replaced');
is($f->('X-Gone'), '', 'three lines are removed');
is($f->('X-Many'), 'only', 'two are replaced, in any case of letters');
is($f->('X-More'), 'theirs|mine', 'added to');
is($f->('X-Two'), 'first|second|third', 'replaced by several');
is($f->('Accept-Encoding'), '', 'a known name is removed, all lines of it');
is($f->('X-Other'), 'x', 'what no rule is about passes');

$f = ask('/c%20d?q=%25&r', Connection => 'X-Set, X-Vars', 'X-Vars' => 'theirs');
is($f->('X-Vars'), '127.0.0.1 shop.example GET /c%20d q=%25&r 100% %{host}', 'variables, once, and percent signs');
is($f->('X-Set'), 'one', 'what Connection names is the client\'s, not weir\'s');
is($f->('X-Empty'), 'q=%25&r', 'a value that is not empty this time');

# What says who the client is.
$f = ask('/forwarded/x', 'X-Forwarded-Proto' => 'gopher', 'X-Forwarded-For' => '6.6.6.6');
is($f->('X-Forwarded-Proto'), 'https', 'one X-Forwarded-Proto, the rule\'s');
is($f->('X-Forwarded-For'), '127.0.0.1', 'one X-Forwarded-For');
is($f->('X-Forwarded-Host'), '', 'X-Forwarded-Host is removed');
is($f->('X-Real-IP'), '192.0.2.77', 'one X-Real-IP');
like($f->('X-Request-ID'), qr/^mine-[0-9a-f]{32}$/, 'one X-Request-ID');
is($f->('Forwarded'), 'for=127.0.0.1', 'Forwarded');
my $p = $w->conn(from => '127.0.0.9');
$d = $w->get_json('/forwarded/p', on => $p, fields => [ 'X-Forwarded-For' => '203.0.113.7', 'X-Forwarded-Proto' => 'http', 'X-Forwarded-Host' => 'h.example' ]);
is(join(' ', map { Weir::echoed($d, $_) } qw(X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host)), '203.0.113.7 https', 'a trusted proxy\'s are replaced too');
$f = ask('/a');
is($f->('X-Forwarded-Proto') . ' ' . $f->('X-Forwarded-For'), 'http 127.0.0.1', 'without a rule they are weir\'s own');

# Spellings that CGI does not tell apart.
$f = ask('/keep/x', 'X_Set' => 'evil', 'X_Gone' => 'evil', 'X-Under' => 'evil', 'X_Other' => 'x');
is($f->('X_Set') . $f->('X_Gone') . $f->('X-Under'), '', 'another spelling does not pass for a field of weir\'s');
is($f->('X_Under'), "weir's", 'a rule may have an underscore');
is($f->('X_Other'), 'x', 'and other fields pass on this route');

# The request is as it came for everything but the upstream.
$f = ask('/s1');
my ($cookie) = $d->{response}->field('Set-Cookie') =~ /^(at=[^;]+)/;
ok($cookie, 'a sticky cookie is given');
my $again = 0;
for (1 .. 8) {
    $f = ask('/s2', Cookie => $cookie, 'User-Agent' => 'a browser', Authorization => 'Basic bWU6cHc=');
    $again += $d->{response}->has('Set-Cookie');
}
is($again, 0, 'and read again, though the upstream does not get it');
is($f->('Cookie'), '', 'which it does not');
is($f->('Authorization'), 'Basic YTpi', 'and the password is the one of the rule');

$f = ask('/plain', 'X-Set' => 'a', 'X-Gone' => 'b');
is($f->('X-Set') . $f->('X-Gone'), 'ab', 'inherit drops a rule');

# Several at once on one connection, each with its own values.
$c->send(join '', map { $w->request_text("/p$_?$_", fields => [ 'X-Gone' => 'g', 'X-Set' => 's' ], $_ % 2 ? (body => "body$_") : ()) } 1 .. 6);
my @got = map { JSON::PP->new->decode($c->recv_response->body) } 1 .. 6;
is(join(' ', map { my $e = $_; map { Weir::echoed($e, $_) } qw(X-Empty X-Gone X-Set) } @got), join(' ', map { "$_ one" } 1 .. 6), 'pipelined');
is($got[2]{body}, 'body3', 'with their bodies');

$w->stop;
my @lines = $w->access;
is((grep { $_->{request_uri} eq '/b' } @lines)[0]{http_user_agent}, 'a browser', 'the access log has what the client sent');
my %at = map { $_->{upstream_addr} => 1 } grep { $_->{request_uri} eq '/s2' } @lines;
is(keys %at, 1, 'a client stays with its server');
done_testing;
