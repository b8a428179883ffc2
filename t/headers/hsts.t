# Strict-Transport-Security by a rule goes over HTTPS alone (RFC 6797 7.2),
# weir's own answers included.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => [ fixed => fields => [ 'Strict-Transport-Security' => 'max-age=1' ] ] });
[weir]
trusted_proxies = 127.0.0.9
[defaults]
response_header.strict-transport-security = max-age=31536000; includeSubDomains
response_header.X-Other = always
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/moved = redirect:/
/gone = status:410
[route */theirs]
response_header.Strict-Transport-Security = inherit
[route */none]
response_header.Strict-Transport-Security =
[route */added]
response_header.Strict-Transport-Security = + max-age=2
INI

sub sts ($scheme, $path, %o) {
    my $c = $w->conn(from => '127.0.0.9');
    my $m = $w->get($path, on => $c, fields => [ 'X-Forwarded-Proto' => $scheme ], %o);
    is($m->field('X-Other'), 'always', "$scheme $path: the other rule is always in effect");
    return join '|', $m->all('Strict-Transport-Security');
}
my $long = 'max-age=31536000; includeSubDomains';
is(sts('https', '/'), $long, 'over HTTPS, in place of the upstream\'s');
is(sts('http', '/'), '', 'not over HTTP, and not the upstream\'s either');
is(sts('https', $_), $long, "$_ has it") for '/moved', '/gone';
is(sts('http', $_), '', "$_ over HTTP has not") for '/moved', '/gone';
is(sts('https', '/x', host => 'a', version => '1.0'), $long, 'HTTP/1.0');
is(sts('https', '/theirs'), 'max-age=1', 'without a rule it is the upstream\'s word');
is(sts('http', '/theirs'), 'max-age=1', 'over HTTP too');
is(sts('https', '/none') . sts('http', '/none'), '', 'removed');
is(sts('https', '/added'), 'max-age=1|max-age=2', 'added');
my $m = $w->get('/', fields => [ 'X-Forwarded-Proto' => 'https' ]);
is($m->field('Strict-Transport-Security'), undef, 'a stranger\'s word makes nothing HTTPS');
done_testing;
