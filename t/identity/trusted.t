# Trusted proxies are believed, from the right to the first address that is
# not trusted itself; Forwarded before X-Forwarded-*, disagreement is logged.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, log => 'json');
[weir]
trusted_proxies = 127.0.0.0/8 10.0.0.0/8
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

my $c = $w->conn;
my $n = 0;
sub decided (@fields) {
    my $path = '/' . ++$n;
    my $d = $w->get_json($path, on => $c, host => 'front.example', fields => \@fields);
    my %seen = map { lc $_->[0] => $_->[1] } @{ $d->{fields} };
    return join '|', map { $_ // '-' } @seen{qw(x-real-ip x-forwarded-proto x-forwarded-host x-forwarded-for)};
}

is(decided(), '127.0.0.1|http|front.example|127.0.0.1', 'no word at all');
is(decided('X-Forwarded-For' => '6.6.6.6, 203.0.113.9'), '203.0.113.9|http|front.example|6.6.6.6, 203.0.113.9, 127.0.0.1', 'one proxy');
is(decided('X-Forwarded-For' => '6.6.6.6, 203.0.113.9, 10.0.0.1', 'X-Forwarded-Proto' => 'https'),
    '203.0.113.9|https|front.example|6.6.6.6, 203.0.113.9, 10.0.0.1, 127.0.0.1', 'two proxies');
is(decided('X-Forwarded-For' => '"open, 203.0.113.9'), '203.0.113.9|http|front.example|"open, 203.0.113.9, 127.0.0.1', 'a quote hides nobody');
is(decided('Forwarded' => 'for=203.0.113.9;proto=https;host=shop.example'),
    '203.0.113.9|https|shop.example|203.0.113.9, 127.0.0.1', 'Forwarded');
is(decided('Forwarded' => 'for="[2001:db8::7]:80"'), '2001:db8::7|http|front.example|2001:db8::7, 127.0.0.1', 'IPv6');
is(decided('X-Real-IP' => '203.0.113.9'), '203.0.113.9|http|front.example|203.0.113.9, 127.0.0.1', 'X-Real-IP alone');
is(decided('X-Forwarded-Host' => 'shop.example:444'), '127.0.0.1|http|shop.example:444|127.0.0.1', 'X-Forwarded-Host');
unlike($w->error_log, qr/disagrees|malformed/, 'nothing to say so far');

is(decided('Forwarded' => 'for=203.0.113.9', 'X-Forwarded-For' => '6.6.6.6'), '203.0.113.9|http|front.example|203.0.113.9, 127.0.0.1', 'Forwarded wins');
ok($w->wait_log(qr/ warn .*disagrees.* proxy=127\.0\.0\.1/), 'and that is logged');
is(decided('Forwarded' => 'for="open, for=203.0.113.9'), '203.0.113.9|http|front.example|unknown, 203.0.113.9, 127.0.0.1', 'half a Forwarded');
ok($w->wait_log(qr/ warn .*malformed Forwarded/), 'is logged');

my $d = $w->get_json('/id', on => $c, fields => [ 'X-Request-ID' => 'abc-123' ]);
is((Weir::echoed($d, 'X-Request-ID'))[0], 'abc-123', 'a sane identifier is kept');
$d = $w->get_json('/id', on => $c, fields => [ 'X-Request-ID' => 'a b' ]);
like((Weir::echoed($d, 'X-Request-ID'))[0], qr/^[0-9a-f]{32}$/, 'another is replaced');

my $line = $w->ended_requests->{'/2'};
is($line->{remote_addr}, '203.0.113.9', 'remote_addr is the decided client');
is($line->{peer_addr}, '127.0.0.1', 'peer_addr the socket\'s');

done_testing;
