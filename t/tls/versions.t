# Versions, suites, groups and kinds of keys: what a server without any setting
# speaks, and what it does not.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my @ec  = Weir::Certs::make($dir, name => 'ec');
my @rsa = Weir::Certs::make($dir, name => 'rsa', type => 'rsa');
$w->configure(<<"INI");
[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @ec @rsa
/* = status:200 yes

[server a.example]
listen = 127.0.0.1:\@PORT:new\@ tls
tls = @ec
tls.min = 1.3
/* = status:200 yes
INI
$w->start;
my $port = $w->port;

sub shake (@options) { s_client($port, servername => 'localhost', options => \@options) }

for my $suite (qw(TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256)) {
    my $said = s_client($port, options => [ '-tls1_3', '-ciphersuites', $suite ], send => request('localhost'));
    is(suite_of($said), $suite, "TLS 1.3 with $suite");
    is(body_of($said), 'yes', '... and its records');
}
for my $suite (map { ("ECDHE-ECDSA-$_", "ECDHE-RSA-$_") } qw(AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305)) {
    my $said = s_client($port, options => [ '-tls1_2', '-cipher', $suite ], send => request('localhost'));
    is(suite_of($said), $suite, "TLS 1.2 with $suite");
    is(body_of($said), 'yes', '... and its records');
}
for my $suite (qw(ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES256-SHA384 ECDHE-RSA-AES128-SHA AES128-GCM-SHA256 AES256-SHA
    ECDHE-ECDSA-AES128-CCM DHE-RSA-AES128-GCM-SHA256 AECDH-NULL-SHA ECDHE-RSA-NULL-SHA ADH-AES128-GCM-SHA256)) {
    my $said = shake('-tls1_2', '-cipher', "$suite:\@SECLEVEL=0");
    is(suite_of($said), '', "not with $suite");
}
ok($w->wait_log(qr/reason=tls_cipher why="no shared cipher"/), 'reason tls_cipher');
for my $old (qw(-tls1 -tls1_1)) {
    my $said = shake($old, '-cipher', 'ALL:@SECLEVEL=0');
    is(protocol_of($said), '', "$old is not spoken");
    like($said, qr/alert protocol version/, '... and the client is told');
}
ok($w->wait_log(qr/reason=tls_version/), 'reason tls_version');

is(suite_of(shake('-tls1_3')), 'TLS_AES_128_GCM_SHA256', 'the server chooses among those of equal worth');
is(suite_of(shake('-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256')),
    'TLS_CHACHA20_POLY1305_SHA256', 'a client without AES in hardware puts ChaCha first, and gets it');
like(shake(), qr/^Server Temp Key: X25519,/m, 'X25519 before others');
like(shake('-groups', 'P-384:P-256'), qr/^Server Temp Key: ECDH, (?:prime256v1|secp384r1),/m, 'P-256 and P-384');
is(protocol_of(shake('-groups', 'P-521')), '', 'no other group');

like(shake('-sigalgs', 'ecdsa_secp256r1_sha256'), qr/^Peer signature type: ECDSA/m, 'a client that knows ECDSA gets that certificate');
like(shake('-sigalgs', 'rsa_pss_rsae_sha256'), qr/^Peer signature type: RSA-PSS/m, 'one that knows RSA alone the other');
like(shake('-tls1_2', '-cipher', 'aRSA'), qr/^Peer signature type: RSA/m, 'so with TLS 1.2');
like(shake('-tls1_2'), qr/^Secure Renegotiation IS supported/m, 'secure renegotiation is announced');
like(shake('-tls1_2', '-comp'), qr/^Compression: NONE/m, 'nothing is compressed');
like(shake('-alpn', 'http/1.1'), qr/^ALPN protocol: http\/1\.1/m, 'ALPN http/1.1');
like(shake('-alpn', 'h9,http/1.1'), qr/^ALPN protocol: http\/1\.1/m, '... among others');
like(shake(), qr/^No ALPN negotiated/m, '... or without');
like(shake('-alpn', 'h9'), qr/alert no application protocol/, '... but none that is not spoken');
ok($w->wait_log(qr/reason=tls_alpn/), 'reason tls_alpn');

# Renegotiation: refused, and the connection goes on.
my $reneg = python(<<'PY', $port);
import subprocess, sys
p = subprocess.Popen(['timeout', '8', 'openssl', 's_client', '-connect', '127.0.0.1:' + sys.argv[1], '-tls1_2'], stdin=subprocess.PIPE,
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
p.stdin.write(b'R\n'); p.stdin.flush()
import time
out = b''
while b'RENEGOTIATING' not in out:
    b = p.stdout.read1(4096)
    if not b: break
    out += b
while b'no renegotiation' not in out.lower():
    b = p.stdout.read1(4096)
    if not b: break
    out += b
p.kill()
print(out.decode('latin1'))
PY
like($reneg, qr/RENEGOTIATING.*no.renegotiation/is, 'renegotiation is refused');

is(protocol_of(s_client($w->port('new'), servername => 'a.example', options => ['-tls1_2'])), '', 'tls.min = 1.3: not 1.2');
is(protocol_of(s_client($w->port('new'), servername => 'a.example')), 'TLSv1.3', '... but 1.3');
$w->finish;
done_testing;
