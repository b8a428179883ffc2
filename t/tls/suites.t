# Mozilla's intermediate suites: each is spoken, and there is no other.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'sized' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/ec.pem @DIR@/ec.key @DIR@/rsa.pem @DIR@/rsa.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir, name => 'ec');
Weir::Certs::make($w->dir, name => 'rsa', type => 'rsa');
$w->start;
my @common = (path => '/?bytes=40000');

for my $suite (qw(TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256)) {
    my $s = Weir::Tls::ask($w, 'https', @common, args => [ '-tls1_3', '-ciphersuites', $suite ]);
    is($s->{cipher}, $suite, "TLS 1.3 with $suite");
    is($s->{body}, pattern(40000), 'and a body comes by it');
}
my %suites = (
    'ECDHE-ECDSA-AES128-GCM-SHA256' => 0xc02b, 'ECDHE-RSA-AES128-GCM-SHA256' => 0xc02f,
    'ECDHE-ECDSA-AES256-GCM-SHA384' => 0xc02c, 'ECDHE-RSA-AES256-GCM-SHA384' => 0xc030,
    'ECDHE-ECDSA-CHACHA20-POLY1305' => 0xcca9, 'ECDHE-RSA-CHACHA20-POLY1305' => 0xcca8,
);
for my $suite (sort keys %suites) {
    my $s = Weir::Tls::ask($w, 'https', @common, args => [ '-tls1_2', '-cipher', $suite ]);
    is($s->{cipher}, $suite, "TLS 1.2 with $suite");
    is($s->{body}, pattern(40000), 'and a body comes by it');
}

# All numbers that there are, a few thousand at a time: none of them but these is agreed on.
my %spoken = map { $_ => 1 } values %suites, 0x1301 .. 0x1303;
my @others = grep { !$spoken{$_} && $_ != 0x5600 } 0 .. 0xffff;
my %taken;
while (my @some = splice @others, 0, 7000) {
    my $got = Weir::Tls::say($w, 'https', Weir::Tls::hello(suites => \@some));
    my $alert = Weir::Tls::alert($got) // 'none';
    $taken{ $alert == 40 ? 'none' : sprintf '%04x', (Weir::Tls::answer($got) // { suite => $alert })->{suite} }++;
}
is_deeply(\%taken, { none => 10 }, 'no suite of TLS 1.2 besides: neither CBC nor RC4, 3DES, export, NULL, nor an exchange by RSA');
ok($w->wait_log(qr/ info .*handshake failed, closed reason=tls_cipher /), 'reason tls_cipher in the log');
for my $suite ('AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-RSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'DHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES128-CCM', 'AECDH-AES128-SHA', 'eNULL') {
    my $s = Weir::Tls::ask($w, 'https', args => [ '-tls1_2', '-cipher', "$suite:\@SECLEVEL=0" ]);
    is($s->{alert}, 40, "$suite: handshake_failure");
}
for my $suite (qw(TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256)) {
    is(Weir::Tls::ask($w, 'https', args => [ '-tls1_3', '-ciphersuites', $suite ])->{alert}, 40, "$suite: handshake_failure");
}

# The order is the server's; a client that has ChaCha20 first, for want of AES in its hardware, gets that.
sub chosen (@words) { Weir::Tls::ask($w, 'https', args => \@words)->{cipher} }
is(chosen('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256'), 'ECDHE-ECDSA-AES128-GCM-SHA256',
    'TLS 1.2: AES-128 before AES-256, whatever the client thinks');
is(chosen('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305'), 'ECDHE-ECDSA-AES256-GCM-SHA384', 'AES before ChaCha20');
is(chosen('-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256'), 'ECDHE-ECDSA-CHACHA20-POLY1305',
    'unless the client has ChaCha20 first');
is(chosen('-tls1_3', '-ciphersuites', 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256'), 'TLS_AES_128_GCM_SHA256', 'TLS 1.3: likewise');
is(chosen('-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'), 'TLS_CHACHA20_POLY1305_SHA256', 'and ChaCha20 too');

done_testing;
