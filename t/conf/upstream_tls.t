# weir -t on TLS towards upstreams: what is dangerous, what does nothing, what
# cannot be; and its files.
use strict;
use warnings;
use Test::More;
use Weir::Certs;
require './t/conf/check.pl';

my $dir = dir();
my $ca = Weir::Certs::ca($dir);
my ($cert, $key) = Weir::Certs::client($dir, ca => $ca);
my ($other, $other_key) = Weir::Certs::client($dir, name => 'other', ca => $ca);
put('no.pem', "no certificate\n");

sub of {
    my ($keys) = @_;
    put('up.ini', "[upstream app]\nserver = 10.0.0.1:443\n$keys\n[server a]\ntls = off\nupstream = app\n");
    return check('up.ini');
}

my ($code, @lines) = of("tls = on\ntls.ca = $ca->{cert}\ntls.name = app.example\ntls.cert = $cert $key");
is("$code @lines", '0 ', 'all keys, and nothing is said');
($code, @lines) = of("tls = on\ntls.verify = off");
is($code, 0, 'tls.verify = off is taken');
says(\@lines, 'up.ini:4: warning: tls.verify = off: connections to [upstream app] can be read and changed', 'and warned about');
($code, @lines) = of("tls.ca = $ca->{cert}");
is($code, 0, 'a key that does nothing');
says(\@lines, 'up.ini:3: warning: tls.ca does nothing: [upstream app] has no tls = on', 'is warned about');
($code, @lines) = of("tls = on\ntls.nam = x");
says(\@lines, 'up.ini:4: error: unknown key "tls.nam" in [upstream app]; did you mean "tls.name"?', 'a typo');

# Files.
for my $c (
    [ "tls.ca = $dir/none.pem", qr/^up\.ini:4: error: .*none\.pem.*No such file/ ],
    [ "tls.ca = $dir/no.pem",   qr/^up\.ini:4: error: tls\.ca: .*no\.pem: / ],
    [ "tls.cert = $cert $dir/none.key", qr/^up\.ini:4: error: .*none\.key.*No such file/ ],
    [ "tls.cert = $cert $other_key", qr/^up\.ini:4: error: tls\.cert: / ],
) {
    my ($keys, $re) = @$c;
    ($code, @lines) = of("tls = on\n$keys");
    is($code, 1, "refused: $keys");
    like("@lines", $re, '... with its place');
}

put('sock.ini', "[upstream app]\nserver = unix:/run/app.sock\ntls = on\n[server a]\ntls = off\nupstream = app\n");
($code, @lines) = check('sock.ini');
is($code, 1, 'a unix socket without a name');
says(\@lines, 'sock.ini:2: error: unix:/run/app.sock has no host that its certificate could be for: set tls.name in [upstream app]', 'is told what to do');

put('dump.ini', "[upstream app]\nserver = https://app.internal\n[server a]\ntls = off\nupstream = app\n/x = https://b.internal\n");
my (undef, $out) = weir('-T', '-c', "$dir/dump.ini");
like($out, qr/^server = https:\/\/app\.internal$/m, '-T: the server');
like($out, qr/^tls = on$/m, '... and what it means');
like($out, qr/^to = https:\/\/b\.internal$/m, '... a target');

done_testing();
