# The certificates that tests make are what they say they are.
use v5.36;
use File::Temp 'tempdir';
use Test::More;
use Weir::Certs;

my $dir = tempdir(CLEANUP => 1);

# Whether openssl takes a certificate: by => the trusted file, and more words.
sub verifies ($cert, $by, @words) {
    return eval { Weir::Certs::openssl('verify', '-CAfile', $by, '-untrusted', $cert, @words, $cert) } // do {
        my ($why) = $@ =~ /^error (\d+)/m;
        "error " . ($why // $@);
    };
}
sub mode ($path) { sprintf '%04o', (stat $path)[2] & 07777 }

my ($cert, $key) = Weir::Certs::make($dir, hosts => [ 'a.example', '*.a.example', '127.0.0.1', '[::1]' ]);
is("$cert $key", "$dir/cert.pem $dir/cert.key", 'a certificate and its key');
is(mode($key), '0600', 'the key is for its owner alone');
is(mode($cert), '0644', 'the certificate for everybody');
like(verifies($cert, $cert, '-verify_hostname', $_, '-purpose', 'sslserver'), qr/OK/, "signed by itself, for $_") for 'a.example', 'x.a.example';
like(verifies($cert, $cert, '-verify_ip', $_), qr/OK/, "and for $_") for '127.0.0.1', '::1';
is(verifies($cert, $cert, '-verify_hostname', 'b.example'), 'error 62', 'and for nobody else');
is(Weir::Certs::openssl('x509', '-noout', '-pubkey', '-in', $cert), Weir::Certs::openssl('pkey', '-pubout', '-in', $key), 'they belong together');

my $root = Weir::Certs::ca($dir);
my $sub = Weir::Certs::ca($dir, name => 'sub', ca => $root);
($cert) = Weir::Certs::make($dir, name => 'rsa', type => 'rsa', hosts => ['b.example'], ca => $sub);
like(verifies($cert, $root->{cert}, '-verify_hostname', 'b.example'), qr/OK/, 'a chain over an intermediate');
is(() = Weir::Certs::_slurp($cert) =~ /BEGIN CERTIFICATE/g, 2, 'with the intermediate in the file, without the root');
like(Weir::Certs::openssl('x509', '-noout', '-text', '-in', $cert), qr/rsaEncryption/, 'of RSA');
($cert) = Weir::Certs::make($dir, name => 'short', ca => $sub, chain => 0);
is(verifies($cert, $root->{cert}), 'error 20', 'left out, it is missing');
my $first = Weir::Certs::facts($cert);
($cert) = Weir::Certs::make($dir, name => 'short', ca => $sub, key => "$dir/short.key");
isnt(Weir::Certs::facts($cert)->{serial}, $first->{serial}, 'made again, it is another');
like(verifies($cert, $root->{cert}), qr/OK/, 'with the same key and its chain');

($cert) = Weir::Certs::make($dir, name => 'old', ca => $root, days => -1);
is(verifies($cert, $root->{cert}), 'error 10', 'an expired one');
($cert) = Weir::Certs::make($dir, name => 'early', ca => $root, from => 1);
is(verifies($cert, $root->{cert}), 'error 9', 'one that is not valid yet');
($cert) = Weir::Certs::make($dir, name => 'old-self', days => -1);
is(verifies($cert, $cert), 'error 10', 'an expired one that is signed by itself');

($cert) = Weir::Certs::client($dir, name => 'alice', ca => $root, subject => '/O=Weir/CN=Alice');
like(verifies($cert, $root->{cert}, '-purpose', 'sslclient'), qr/OK/, "a client's");
is(verifies($cert, $root->{cert}, '-purpose', 'sslserver'), 'error 26', "is no server's");
my $facts = Weir::Certs::facts($cert);
is($facts->{subject}, 'CN=Alice,O=Weir', 'its subject');
is($facts->{issuer}, 'CN=ca,O=Weir tests', 'its issuer');
like($facts->{serial}, qr/^[0-9A-F]{8,}$/, 'its serial');
like($facts->{fingerprint}, qr/^[0-9a-f]{64}$/, 'its fingerprint');
my ($other) = Weir::Certs::client($dir, name => 'bob', ca => $root);
my $crl = Weir::Certs::crl($root, $cert);
is(verifies($cert, $root->{cert}, '-CRLfile', $crl, '-crl_check'), 'error 23', 'revoked');
like(verifies($other, $root->{cert}, '-CRLfile', $crl, '-crl_check'), qr/OK/, 'and another one not');

my @copies = Weir::Certs::copies($dir, n => 20);
is(@copies, 20, 'copies');
is($copies[19][0], 'h0019.example', 'of other names');
like(Weir::Certs::openssl('x509', '-noout', '-text', '-in', $copies[19][1]), qr/DNS:h0019\.example/, 'which stand in them');
is(Weir::Certs::openssl('x509', '-noout', '-pubkey', '-in', $copies[19][1]), Weir::Certs::openssl('pkey', '-pubout', '-in', $copies[19][2]), 'with one key');

eval { Weir::Certs::make($dir, type => 'dsa') };
like($@, qr/no type of key: dsa/, 'a type that there is none of');
eval { Weir::Certs::make($dir, key => '/nonexistent') };
like($@, qr/openssl req .*: exit 1/, 'a fault of openssl is told');

done_testing;
