# The curves of the key exchange: X25519 first, P-256 and P-384; no other, and
# a client that guessed wrong is asked again.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/ec.pem @DIR@/ec.key @DIR@/rsa.pem @DIR@/rsa.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir, name => 'ec');
Weir::Certs::make($w->dir, name => 'rsa', type => 'rsa');    # in TLS 1.2 groups mean the curve of a certificate too
$w->start;

my %named = (X25519 => 'X25519', 'P-256' => 'prime256v1', 'P-384' => 'secp384r1');
for my $version ('tls1_2', 'tls1_3') {
    for my $group (sort keys %named) {
        my $s = Weir::Tls::ask($w, 'https', args => [ "-$version", '-groups', $group ]);
        like($s->{group}, qr/^(?:\Q$group\E|$named{$group})$/, "$version: $group");
        is($s->{status}, 200, 'and a request is served');
    }
    for my $group (qw(P-521 X448)) {
        my $s = Weir::Tls::ask($w, 'https', args => [ "-$version", '-groups', $group ]);
        is($s->{alert}, 40, "$version: $group is refused: handshake_failure");
    }
}
sub group (@words) { Weir::Tls::ask($w, 'https', args => \@words)->{group} }
is(group('-tls1_3'), 'X25519', 'X25519 before others');
is(group('-tls1_2', '-groups', 'P-384:P-256:X25519'), 'X25519', "TLS 1.2: the order is the server's");
is(group('-tls1_3', '-groups', 'P-384:P-256:X25519'), 'secp384r1', 'TLS 1.3: what the client has begun with is gone on with, which saves a round trip');

# s_client guesses with the first group that it has.
my $s = Weir::Tls::ask($w, 'https', args => [ '-tls1_3', '-msg', '-groups', 'P-521:P-256' ]);
is(() = $s->{text} =~ /ClientHello/g, 2, 'a first guess that is wrong: a second hello is asked for');
like($s->{group}, qr/P-256|prime256v1/, 'and they agree');
is($s->{status}, 200, 'and a request is served');
ok($w->wait_log(qr/ info .*handshake failed, closed reason=tls_cipher /), 'reason tls_cipher of those refused');

done_testing;
