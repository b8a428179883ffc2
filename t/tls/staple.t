# An OCSP response beside the certificate is stapled while it is good.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my $ca = Weir::Certs::ca($dir);
my @pair  = Weir::Certs::make($dir, name => 'a', ca => $ca);
my @other = Weir::Certs::make($dir, name => 'b', ca => $ca);
$w->configure(<<"INI");
[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
/* = status:200 yes
INI

# A response of the authority about a certificate; good or revoked.
sub respond ($cert, $how = 'V', @more) {
    my $serial = Weir::Certs::openssl('x509', '-in', $cert, '-noout', '-serial') =~ s/.*=|\s//gr;
    my $revoked = $how eq 'R' ? '250101000000Z' : '';
    $w->write_file('index', "$how\t350101000000Z\t$revoked\t$serial\tunknown\t/CN=localhost\n");
    Weir::Certs::openssl('ocsp', '-issuer', "$dir/ca.pem", '-cert', $cert, '-reqout', "$dir/req", '-no_nonce');
    Weir::Certs::openssl('ocsp', '-index', "$dir/index", '-rsigner', "$dir/ca.pem", '-rkey', "$dir/ca.key", '-CA', "$dir/ca.pem",
        '-reqin', "$dir/req", '-respout', "$dir/resp", @more ? @more : ('-ndays', 3));
    rename "$dir/resp", "$pair[0].ocsp" or die;
}
sub stapled { s_client($w->port, options => ['-status']) =~ /OCSP Response Status: successful.*?Cert Status: (\w+)/s ? $1 : 'none' }

respond($pair[0]);
$w->start;
is(stapled(), 'good', 'it is stapled');
unlike(s_client($w->port), qr/OCSP/, '... for who asks');
respond($other[0]);
ok(until_true(sub { stapled() eq 'none' }), 'one that is about another certificate is not');
respond($pair[0]);
ok(until_true(sub { stapled() eq 'good' }), 'a good one is taken up again');
respond($pair[0], 'R');
ok(until_true(sub { stapled() eq 'none' }), 'one that says revoked is not');
# One whose time is over: nextUpdate, the last of its two dates, becomes a day of the past.
sub age {
    my $der = Weir::_slurp("$pair[0].ocsp");
    my @times = $der =~ /(?=\x18\x0f(\d{14}Z))/g;
    my $next = (sort @times)[-1];
    my $past = '20200101000000Z';
    $der =~ s/\Q$next\E/$past/ or die 'no date in it';
    $w->write_file("$pair[0].ocsp", $der);
}
respond($pair[0]);
ok(until_true(sub { stapled() eq 'good' }), 'a good one again');
age();
ok(until_true(sub { stapled() eq 'none' }), 'one that is out of date is not');
ok($w->wait_log(qr/ warn .*\.ocsp: the OCSP response is out of date; nothing is stapled/), '... and is told');
$w->write_file("$pair[0].ocsp", 'rubbish');
ok(until_true(sub { $w->error_log =~ /\.ocsp: there is no OCSP response in it/ }), 'rubbish is told') or diag($w->error_log);
is(stapled(), 'none', '... and not sent');
my ($code, $out) = $w->command('-t');
is($code, 0, 'nothing of it keeps a server from serving');
like($out, qr/weir\.ini:3: warning: .*\.ocsp: there is no OCSP response in it/, '... and -t warns');
age() if respond($pair[0]);
is(scalar $w->reload, 0, 'a reload with one that is out of date');
is(stapled(), 'none', '... which is not sent');
unlink "$pair[0].ocsp";
respond($pair[0]);
is(scalar $w->reload, 0, 'a reload with a good one');
is(stapled(), 'good', '... which is');
for my $version ('-tls1_2', '-tls1_3') {
    like(s_client($w->port, options => [ '-status', $version ]), qr/Cert Status: good/, "$version: it is stapled");
}
$w->finish;
done_testing;
