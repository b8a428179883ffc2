# The PROXY protocol on a listener: mandatory, from trusted addresses, once,
# bounded; the address that it carries is the client's.
use v5.36;
use JSON::PP;
use Socket qw(inet_aton inet_pton AF_INET6);
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo' });
[weir]
trusted_proxies = 127.0.0.1
header_timeout = 500ms
[server *]
listen = 127.0.0.1:@PORT:pp@ proxy_protocol, 127.0.0.1:@PORT:plain@
/* = 127.0.0.1:@UPSTREAM:app@
INI

sub v2 ($command, $family, $addresses, $tlvs = '') {
    return "\r\n\r\n\0\r\nQUIT\n" . pack('CCn', 0x20 | $command, $family, length($addresses . $tlvs)) . $addresses . $tlvs;
}
my $v4 = v2(1, 0x11, inet_aton('203.0.113.9') . inet_aton('192.0.2.1') . pack('nn', 4567, 80));

sub ask ($header, %o) {
    my $c = $w->conn(port => 'pp', %o);
    $o{drip} ? $c->drip($header . $w->request_text('/x')) : $c->send($header . $w->request_text('/x'));
    my $m = $c->recv_response(timeout => 5) or return { closed => $c->closed };
    my $d = eval { decode_json($m->body) } // { status => $m->status };
    $d->{xff} = join '|', Weir::echoed($d, 'X-Forwarded-For');
    $d->{real} = join '|', Weir::echoed($d, 'X-Real-IP');
    $d->{on} = $c;
    return $d;
}

my $d = ask("PROXY TCP4 203.0.113.9 192.0.2.1 4567 80\r\n");
is($d->{xff}, '203.0.113.9', 'version 1');
is($d->{real}, '203.0.113.9');
is($w->get_json('/again', on => $d->{on})->{target}, '/again', 'it stands before the first request only');
is(ask("PROXY TCP6 2001:db8::9 2001:db8::1 4567 80\r\n")->{xff}, '2001:db8::9', 'version 1, IPv6');
is(ask("PROXY UNKNOWN\r\n")->{xff}, '127.0.0.1', 'UNKNOWN keeps the socket address');
is(ask("PROXY TCP4 203.0.113.9 192.0.2.1 4567 80\r\n", drip => 1)->{xff}, '203.0.113.9', 'byte by byte');
is(ask($v4)->{xff}, '203.0.113.9', 'version 2');
is(ask($v4, drip => 1)->{xff}, '203.0.113.9', 'byte by byte');
is(ask(v2(1, 0x21, inet_pton(AF_INET6, '2001:db8::9') . inet_pton(AF_INET6, '::1') . pack('nn', 1, 2)))->{xff}, '2001:db8::9', 'version 2, IPv6');
is(ask(v2(0, 0, ''))->{xff}, '127.0.0.1', 'LOCAL keeps the socket address');
is(ask(v2(1, 0x11, inet_aton('203.0.113.9') . inet_aton('192.0.2.1') . pack('nn', 4567, 80), pack('Cn/a', 0x04, 'x' x 100)))->{xff},
    '203.0.113.9', 'with a TLV');

my %bad = (
    'none at all'     => '',
    'no address'      => "PROXY TCP4\r\n",
    'bad address'     => "PROXY TCP4 203.0.113.999 192.0.2.1 4567 80\r\n",
    'bad port'        => "PROXY TCP4 203.0.113.9 192.0.2.1 99999 80\r\n",
    'bad family'      => "PROXY TCP5 203.0.113.9 192.0.2.1 4567 80\r\n",
    'too long'        => "PROXY TCP4 " . '1' x 200 . "\r\n",
    'bare LF'         => "PROXY TCP4 203.0.113.9 192.0.2.1 4567 80\n",
    'twice'           => "PROXY TCP4 203.0.113.9 192.0.2.1 4567 80\r\n" x 2,
    'v2 bad version'  => "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" . "\0" x 12,
    'v2 bad command'  => "\r\n\r\n\0\r\nQUIT\n\x2f\x11\0\x0c" . "\0" x 12,
    'v2 too short'    => "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04" . "\0" x 4,
    'v2 beyond bound' => "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" . "\0" x 65535,
);
for my $name (sort keys %bad) {
    my $got = ask($bad{$name});
    ok(!defined $got->{target}, "refused: $name") or diag(explain $got);
}
my $c = $w->conn(port => 'pp');
$c->send('PROXY TCP4 203.0');
like($c->closed(timeout => 5), qr/fin|rst/, 'half a header is waited for as long as for a head');

$c = $w->conn(port => 'pp', from => '127.0.0.5');
$c->send("PROXY TCP4 203.0.113.9 192.0.2.1 4567 80\r\n" . $w->request_text('/strange'));
is($c->recv_until_close, '', 'an address that is not trusted is closed');

my $text = $w->raw("PROXY TCP4 203.0.113.9 192.0.2.1 4567 80\r\n" . $w->request_text('/'), port => 'plain');
like($text, qr{^HTTP/1\.1 400 }, 'a listener without it does not take it');
is(scalar(grep { ($_->target // '') eq '/strange' } $w->upstream_got('app')), 0, 'nothing of the refused went upstream');

$w->stop;
my ($line) = grep { $_->{request_uri} eq '/x' } $w->access;
is($line->{remote_addr}, '203.0.113.9', 'the log has the client');
is($line->{peer_addr}, '127.0.0.1', 'and who connected');
like($w->error_log, qr/reason=proxy_header/, 'refusals are logged with their reason');
done_testing;
