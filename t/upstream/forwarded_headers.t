# What an upstream is told about the client: set by weir, never what a stranger
# said, and what a trusted proxy said.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo' });
[weir]
trusted_proxies = 127.0.0.9 10.0.0.0/8
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

sub ask ($from, @fields) {
    my $c = $w->conn(from => $from);
    my $d = $w->get_json('/x', on => $c, host => 'shop.example.com:8080', fields => \@fields);
    return sub ($name) { join '|', Weir::echoed($d, $name) };
}

my $f = ask('127.0.0.1');
is($f->('Host'), 'shop.example.com:8080', 'Host is kept');
is($f->('X-Forwarded-For'), '127.0.0.1', 'X-Forwarded-For');
is($f->('X-Real-IP'), '127.0.0.1', 'X-Real-IP');
is($f->('X-Forwarded-Proto'), 'http', 'X-Forwarded-Proto');
is($f->('X-Forwarded-Host'), 'shop.example.com:8080', 'X-Forwarded-Host');
like($f->('X-Request-ID'), qr/^[0-9a-f]{32}$/, 'X-Request-ID');
like($f->('Via'), qr{^1\.1 weir-[0-9a-f]{8}$}, 'Via');
isnt(ask('127.0.0.1')->('X-Request-ID'), $f->('X-Request-ID'), 'an id of its own for each request');

my @said = (
    'X-Forwarded-For' => '6.6.6.6', 'x-forwarded-proto' => 'https', 'X-Forwarded-Host' => 'evil.example', 'X-Real-IP' => '6.6.6.6',
    'X-Request-ID' => 'mine', 'Forwarded' => 'for=6.6.6.6', 'X_Forwarded_For' => '6.6.6.6', 'X-Forwarded_For' => '6.6.6.6',
    'X_Real_IP' => '6.6.6.6', 'Via' => '1.0 there',
);
$f = ask('127.0.0.1', @said);
is($f->('X-Forwarded-For'), '127.0.0.1', 'a stranger is not believed: X-Forwarded-For');
is($f->('X-Forwarded-Proto'), 'http', 'Proto');
is($f->('X-Forwarded-Host'), 'shop.example.com:8080', 'Host');
is($f->('X-Real-IP'), '127.0.0.1', 'X-Real-IP');
like($f->('X-Request-ID'), qr/^[0-9a-f]{32}$/, 'X-Request-ID');
is($f->($_), '', "$_ is gone") for qw(Forwarded X_Forwarded_For X-Forwarded_For X_Real_IP);
like($f->('Via') =~ s/\|/, /gr, qr{^1\.0 there, 1\.1 weir-[0-9a-f]{8}$}, 'Via is kept and appended to');

$f = ask('127.0.0.9', 'X-Forwarded-For' => '6.6.6.6, 203.0.113.7, 10.1.1.1', 'X-Forwarded-Proto' => 'https',
    'X-Forwarded-Host' => 'front.example.com', 'X-Request-ID' => 'abc-123');
is($f->('X-Real-IP'), '203.0.113.7', 'a trusted proxy: the first from the right that is not trusted');
like($f->('X-Forwarded-For'), qr/203\.0\.113\.7, 10\.1\.1\.1, 127\.0\.0\.9$/, 'is appended to');
is($f->('X-Forwarded-Proto'), 'https', 'its word on the scheme');
is($f->('X-Forwarded-Host'), 'front.example.com', 'and the host');
is($f->('X-Request-ID'), 'abc-123', 'and the id');

$f = ask('127.0.0.9', 'X-Forwarded-For' => '198.51.100.1', Forwarded => 'for="[2001:db8::5]:443";proto=https;host=f.example.com');
is($f->('X-Real-IP'), '2001:db8::5', 'Forwarded wins over X-Forwarded-For');
is($f->('X-Forwarded-Proto'), 'https');
is(ask('127.0.0.9', 'X-Forwarded-For' => 'garbage')->('X-Real-IP'), '127.0.0.9', 'what is no address is not believed');
is(ask('127.0.0.9', 'X-Request-ID' => 'a' x 1000)->('X-Request-ID') =~ /^[0-9a-f]{32}$/, 1, 'an id beyond bounds is replaced');

$w->stop;
my @lines = $w->access;
is($lines[0]{remote_addr}, '127.0.0.1', 'the log: a stranger is who connected');
is($lines[3]{remote_addr}, '203.0.113.7', 'and behind a trusted proxy the client');
is($lines[3]{peer_addr}, '127.0.0.9', 'beside who connected');
done_testing;
