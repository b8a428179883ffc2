# tls.keys = isolated: private keys are in the signer alone.  Everything that a
# worker, the keeper and the master have in memory is read, and no byte of a key
# is found; the signer may die, and a reload begins with another.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Witness;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my ($ec, $ec_key)   = Weir::Certs::make($dir, name => 'ec', hosts => ['localhost']);
my ($rsa, $rsa_key) = Weir::Certs::make($dir, name => 'rsa', hosts => ['localhost'], type => 'rsa');
my ($up, $up_key)   = Weir::Certs::make($dir, name => 'up', hosts => ['localhost'], type => 'rsa');
$w->configure(<<"INI");
[weir]
workers = 2
tls.keys = isolated

[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = $ec $ec_key $rsa $rsa_key
/* = status:200 signed
INI

# The secret numbers of a key as they may stand in memory: as in the file, and turned round as OpenSSL keeps them.
sub secrets ($file) {
    my $text = Weir::Certs::openssl('pkey', '-in', $file, '-noout', '-text');
    my @found;
    while ($text =~ /^(?:priv|privateExponent|prime1|prime2|exponent1):\s*\n((?:\s+[0-9a-f:]+\n)+)/mg) {
        my $hex = $1 =~ s/[\s:]//gr;
        my $bytes = pack('H*', $hex) =~ s/\A\0//r;
        push @found, substr($bytes, 0, 24), scalar reverse substr($bytes, -24);
    }
    open my $fh, '<', $file or die;
    my @lines = grep { !/^-/ } <$fh>;
    chomp @lines;
    return @found, $lines[1];
}

my @marks = map { secrets($_) } $ec_key, $rsa_key;
cmp_ok(@marks, '>=', 10, 'there is something to look for');

sub curl ($what, @options) {
    my $port = $w->port;
    is(scalar qx(curl -sk -m 10 @options https://localhost:$port/), 'signed', $what);
}

sub signer { (grep { $w->title($_) eq 'weir-signer' } $w->children)[0] }

sub shake ($what) {
    curl("$what: ECDSA, TLS 1.3");
    curl("$what: RSA, TLS 1.2", '--tls-max 1.2 --ciphers ECDHE-RSA-AES128-GCM-SHA256');
    curl("$what: ECDSA, TLS 1.2", '--tls-max 1.2 --ciphers ECDHE-ECDSA-AES128-GCM-SHA256');
    my $port = $w->port;
    my $said = qx(echo | openssl s_client -connect 127.0.0.1:$port -sigalgs rsa_pss_rsae_sha256 2>/dev/null);
    like($said, qr/Peer signature type: RSA-PSS/, "$what: RSA-PSS, TLS 1.3");
}

# Root alone may read the memory of others; the tests are run as root where nobody looks on.
sub search ($what) {
    return diag("$what: not root: memory is not searched") if $> != 0;
    my %of = (signer => [signer()], worker => [$w->workers], keeper => [$w->keeper], master => [$w->pid]);
    for my $who (sort keys %of) {
        for my $pid (@{ $of{$who} }) {
            my $n = grep { memory_has($pid, $_) } @marks;
            $who eq 'signer' ? cmp_ok($n, '>', 0, "$what: the signer has keys: the search finds them")
                             : is($n, 0, "$what: not a byte of a key in the $who");
        }
    }
}

$w->start;
ok(signer(), 'there is a signer');
shake('at the start');
search('at the start');

my $first = signer();
$w->expect_death;
kill 'KILL', $first;
ok(until_true(sub { my $s = signer(); $s && $s != $first }), 'a signer that dies is replaced');
shake('another signer');
search('another signer');

my $second = signer();
is(scalar $w->reload, 0, 'a reload');
ok(until_true(sub { my @s = grep { $w->title($_) eq 'weir-signer' } $w->children; @s == 1 && $s[0] != $second }),
    'has a signer of its own; the old one goes with its workers');
shake('reloaded');
search('reloaded');

# A key that is replaced while weir runs.
my $before = qx(echo | openssl s_client -connect 127.0.0.1:@{[ $w->port ]} 2>/dev/null | openssl x509 -noout -serial);
Weir::Certs::make($dir, name => 'ec', hosts => ['localhost']);
@marks = map { secrets($_) } $ec_key, $rsa_key;
ok(until_true(sub {
        my $now = qx(echo | openssl s_client -connect 127.0.0.1:@{[ $w->port ]} 2>/dev/null | openssl x509 -noout -serial 2>/dev/null);
        $now =~ /serial/ && $now ne $before;
    }), 'a new certificate is taken into use');
shake('replaced');
search('replaced');

my ($ed) = ($dir . '/ed');
Weir::Certs::openssl(qw(req -x509 -newkey ed25519 -nodes -subj /CN=localhost -days 30 -keyout), "$ed.key", '-out', "$ed.pem");
$w->configure(<<"INI");
[weir]
tls.keys = isolated

[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = $ed.pem $ed.key
/* = status:200 signed
INI
my ($exit, $said) = $w->command('-t');
is($exit, 1, 'a kind of key that cannot be isolated is refused');
like($said, qr/weir\.ini:\d+: error: tls: \Q$ed.pem\E: with tls\.keys = isolated a key has to be EC or RSA/, '... in so many words');
$w->finish;
done_testing;
