# No 0-RTT: tickets do not allow it, data that a client sends early all the
# same is thrown away, and the request is served once, when the handshake is done.
use v5.36;
use MIME::Base64 ();
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;
my $dir = $w->dir;

my $s = Weir::Tls::ask($w, 'https', args => [ '-tls1_3', '-sess_out', "$dir/session" ]);
like($s->{text}, qr/Max Early Data: 0$/m, 'a ticket allows no early data');
like($s->{text}, qr/ticket lifetime hint: 86400 /, 'and is good for two turns of the key');

# A session that claims to allow it: max_early_data, [15] of the session's DER, which is 0 by being absent.
my $der = MIME::Base64::decode_base64(Weir::_slurp("$dir/session") =~ s/-----.*?-----\n//gr);
$w->write_file('early', $w->request_text('/early'));
my ($head, $body) = unpack('n', substr $der, 0, 2) == 0x3082 ? (substr($der, 0, 4), substr $der, 4) : die 'not the session that was expected';
my $at = length $body;    # fields come in order: it goes before [16] and above
for (my $i = 0; $i < length $body;) {
    my ($tag, $n) = unpack 'CC', substr $body, $i, 2;
    my $size = $n < 0x80 ? 2 + $n : 2 + ($n & 0x7f) + unpack('N', substr "\0\0\0\0" . substr($body, $i + 2, $n & 0x7f), -4);
    if (($tag & 0xe0) == 0xa0 && ($tag & 0x1f) > 15 && $at == length $body) { $at = $i }
    $i += $size;
}
substr($body, $at, 0) = "\xaf\x04\x02\x02\x40\x00";
my $claims = pack('nn', 0x3082, length $body) . $body;
$w->write_file('claims', "-----BEGIN SSL SESSION PARAMETERS-----\n" . MIME::Base64::encode_base64($claims) . "-----END SSL SESSION PARAMETERS-----\n");
like(Weir::Certs::openssl('sess_id', '-noout', '-text', '-in', "$dir/claims"), qr/Max Early Data: 16384/, 'a session that claims otherwise');

$s = Weir::Tls::ask($w, 'https', path => '/late', args => [ '-tls1_3', '-sess_in', "$dir/claims", '-early_data', "$dir/early" ]);
like($s->{text}, qr/Early data was rejected/, 'early data is rejected');
is($s->{reused}, 1, 'the session goes on');
is($s->{status}, 200, 'and the request that comes behind the handshake is served');
is(join(' ', map { $_->target } $w->upstream_got('app')), '/ /late', 'the early one never was');
$s = Weir::Tls::ask($w, 'https', path => '/after', args => [ '-tls1_3', '-sess_in', "$dir/session" ]);
is("$s->{reused} $s->{status}", '1 200', 'the session is good afterwards');

done_testing;
