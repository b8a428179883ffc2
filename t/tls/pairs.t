# A server with a certificate of ECDSA and one of RSA: each client gets the
# kind that it can verify, whatever the order in the file.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[server both.example]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/ec.pem @DIR@/ec.key @DIR@/rsa.pem @DIR@/rsa.key
/* = 127.0.0.1:@UPSTREAM:app@
[server turned.example]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/rsa.pem @DIR@/rsa.key @DIR@/ec.pem @DIR@/ec.key
/* = 127.0.0.1:@UPSTREAM:app@
[server rsa.example]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/rsa.pem @DIR@/rsa.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $root = Weir::Certs::ca($w->dir);
my @names = ('both.example', 'turned.example', 'rsa.example');
Weir::Certs::make($w->dir, name => 'ec', ca => $root, hosts => \@names, subject => '/CN=ec');
Weir::Certs::make($w->dir, name => 'rsa', ca => $root, hosts => \@names, subject => '/CN=rsa', type => 'rsa');
$w->start;

sub got ($name, @words) {
    my $s = Weir::Tls::ask($w, 'https', name => $name, args => \@words);
    return $s->{status} && $s->{status} == 200 ? $s->{subject} =~ s/^CN ?= ?//r : 'alert ' . ($s->{alert} // '?');
}
my @rsa = (-sigalgs => 'rsa_pss_rsae_sha256:RSA+SHA256');
for my $name ('both.example', 'turned.example') {
    is(got($name, '-tls1_3'), 'ec', "$name, TLS 1.3: a client that can both gets ECDSA, the cheaper one");
    is(got($name, '-tls1_2'), 'ec', "$name, TLS 1.2: likewise");
    is(got($name, '-tls1_3', @rsa), 'rsa', 'TLS 1.3: one that has no ECDSA among its signatures gets RSA');
    is(got($name, '-tls1_2', @rsa), 'rsa', 'TLS 1.2: likewise');
    is(got($name, '-tls1_2', -cipher => 'ECDHE-RSA-AES128-GCM-SHA256'), 'rsa', 'TLS 1.2: one that has no suite of ECDSA gets RSA');
    is(got($name, '-tls1_2', -cipher => 'ECDHE-ECDSA-AES128-GCM-SHA256'), 'ec', 'and one that has no other gets ECDSA');
    is(got($name, '-tls1_3', -sigalgs => 'ed25519'), 'alert 40', 'one that can neither gets handshake_failure');
}
is(got('rsa.example', $_), 'rsa', "a server of RSA alone, $_") for '-tls1_2', '-tls1_3';
is(got('rsa.example', '-tls1_2', -cipher => 'ECDHE-ECDSA-AES128-GCM-SHA256'), 'alert 40', 'and a client of ECDSA alone: handshake_failure');

for my $kind ([ 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ec' ], [ 'ECDHE-RSA-AES128-GCM-SHA256', 'rsa' ]) {
    my $out = $w->curl('--cacert', $root->{cert}, '--tls-max', '1.2', '--ciphers', $kind->[0], '--resolve', "both.example:@{[ $w->port('https') ]}:127.0.0.1",
        '-o', '/dev/null', '-w', '%{http_code} %{ssl_verify_result}', 'https://both.example:' . $w->port('https') . '/');
    is($out, '200 0', "curl verifies the one of $kind->[1]");
}

done_testing;
