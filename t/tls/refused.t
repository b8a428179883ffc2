# What -t, a start and a reload say of certificates that cannot be used.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my @good    = Weir::Certs::make($dir, name => 'good');
my @other   = Weir::Certs::make($dir, name => 'other');
my @expired = Weir::Certs::make($dir, name => 'expired', days => -1);
my @named   = Weir::Certs::make($dir, name => 'named', hosts => ['else.example']);
$w->write_file('rubbish', "nothing that PEM knows\n");
Weir::Certs::openssl('pkey', '-in', $good[1], '-aes128', '-passout', 'pass:x', '-out', "$dir/locked");
Weir::Certs::openssl(qw(req -x509 -newkey rsa:1024 -nodes -days 30 -subj /CN=localhost -keyout), "$dir/small.key", '-out', "$dir/small.pem");
open my $fh, '<', $good[0] or die;
my $pem = do { local $/; readline $fh };
$w->write_file('cut', $pem . substr $pem, 0, length($pem) - 100);
chmod 0600, "$dir/locked", "$dir/small.key";

sub conf ($tls, $more = '') {
    return "[server localhost]\nlisten = 127.0.0.1:\@PORT:http\@ tls\ntls = $tls\n$more\n/* = status:200 yes\n";
}
sub test ($tls, $more = '') {
    $w->configure(conf($tls, $more));
    return $w->command('-t');
}

my @bad = (
    [ "$dir/none.pem $good[1]", qr/none\.pem: No such file/, 'a file that is not there' ],
    [ "$dir/rubbish $good[1]", qr/rubbish: there is no certificate in it that can be read/, 'no certificate' ],
    [ "$good[0] $dir/rubbish", qr/rubbish: there is no private key in it that can be read/, 'no key' ],
    [ "$good[0] $dir/locked", qr/locked: the key is encrypted with a password/, 'a key with a password' ],
    [ "$good[0] $other[1]", qr/\Q$good[0]\E and \Q$other[1]\E: the certificate and the key do not belong together/, 'a pair that is none' ],
    [ "$dir/small.pem $dir/small.key", qr/small\.key: an RSA key has to have 2048 bits or more/, 'a short key' ],
    [ "$dir/cut $good[1]", qr/cut: a certificate behind the first cannot be read/, 'a chain that is cut off' ],
    [ "$dir $good[1]", qr/cannot read the file \Q$dir\E/, 'a directory' ],
);
for (@bad) {
    my ($tls, $want, $what) = @$_;
    my ($exit, $said) = test($tls);
    is($exit, 1, "$what is refused");
    like($said, qr/weir\.ini:3: error: .*$want/, '... at its line, in so many words');
}
my ($exit, $said) = test("@good", "tls.client = required");
is($exit, 1, 'tls.client without authorities');
like($said, qr/tls\.client needs tls\.client_ca/, '... says what is missing');
($exit, $said) = test("@good", "tls.client = required\ntls.client_ca = $dir/rubbish");
is($exit, 1, 'authorities that are none');
like($said, qr/rubbish: there is no certificate of an authority in it/, '... are named');

my @warned = (
    [ "@expired", qr/is out of date/, 'an expired certificate' ],
    [ "@named", qr/no certificate of this server is for the name localhost/, 'a certificate for others' ],
    [ "@good @other", qr/keys of one kind/, 'two of one kind' ],
);
for (@warned) {
    my ($tls, $want, $what) = @$_;
    my ($code, $text) = test($tls);
    is($code, 0, "$what is put up with");
    like($text, qr/warning: .*$want/, '... with a warning');
}
chmod 0644, $good[1];
($exit, $said) = test("@good");
like($said, qr/warning: .*\Q$good[1]\E.*chmod 600/, 'a key that all can read: a warning that says what to do');
chmod 0600, $good[1];
($exit, $said) = test("@good");
is($exit, 0, 'a good pair');
unlike($said, qr/warning: tls|weir\.ini:\d+: warning/, '... has no warning');
$w->configure("[weir]\ntls.keylog = $dir/keys\n" . conf("@good"));
($exit, $said) = $w->command('-t');
like($said, qr/warning: tls\.keylog: the secrets of every connection are written/, 'a key log is warned of');

# At a reload the old generation goes on.
$w->configure(conf("@good"));
$w->start;
is(body_of(s_client($w->port, send => request('localhost'))), 'yes', 'it serves');
$w->configure(conf("$good[0] $other[1]"));
my ($code, $text) = $w->reload;
is($code, 1, 'a reload with a pair that is none');
like($text, qr/do not belong together/, '... says why');
is(body_of(s_client($w->port, send => request('localhost'))), 'yes', '... and what was serves on');
$w->finish;
done_testing;
