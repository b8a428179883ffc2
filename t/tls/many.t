# Hundreds of certificates (thousands in `make check-long`): the start and a
# reload take their time as they should, and each name gets its own.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $n = scale(500, 5000);
my $w = Weir->new(start => 0);
my $dir = $w->dir;
mkdir "$dir/certs";
my @made = Weir::Certs::copies("$dir/certs", n => $n, host => 'h%04d.example');
my $conf = "[weir]\nworkers = 2\n" . join '', map { "[server $_->[0]]\nlisten = 127.0.0.1:\@PORT:https\@ tls\ntls = $_->[1] $_->[2]\n/* = status:200 $_->[0]\n" } @made;
$w->configure($conf);
my $start = elapsed(sub { $w->start });
my $reload = elapsed(sub { is(scalar $w->reload, 0, 'a reload') });
diag(sprintf '%d certificates: start %.2f s, reload %.2f s', $n, $start, $reload);
my $most = scale(2, 3) * slow();
cmp_ok($start, '<', $most, "the start takes less than $most s");
cmp_ok($reload, '<', $most, "a reload too");

# Each name once, a full handshake: the certificate that comes and the answer of the server.
my $script = <<'PY';
import json, socket, ssl, sys
port, first, end = map(int, sys.argv[1:])
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
wrong = []
for i in range(first, end):
    name = "h%04d.example" % i
    try:
        s = c.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=name)
        s.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % name.encode())
        answer = b""
        while b := s.recv(4096):
            answer += b
        if name.encode() not in s.getpeercert(True) or not answer.endswith(name.encode()):
            wrong.append(name)
    except OSError as e:
        wrong.append("%s: %s" % (name, e))
print(json.dumps(wrong[:10]))
PY
my @before = map { $w->pss($_) } $w->workers;
for (my $i = 0; $i < $n; $i += 1000) {
    my $end = $i + 1000 < $n ? $i + 1000 : $n;
    my $said = Weir::Tls::python($script, $w->port('https'), $i, $end);
    is_deeply(eval { decode_json($said) } // $said, [], "names $i to @{[ $end - 1 ]} have their own certificates");
}
my @after = map { $w->pss($_) } $w->workers;
my ($b, $a) = (0, 0);
$b += $_ for @before;
$a += $_ for @after;
diag(sprintf '%.1f KiB a certificate and worker that was asked for', ($a - $b) / $n) if slow() == 1;

# One of them changes: it alone is looked at anew, and is in use soon.
my ($cert) = Weir::Certs::make("$dir/certs", name => 'new', hosts => ['h0123.example'], key => $made[0][2], subject => '/CN=new');
rename $cert, $made[123][1] or die $!;
my $took = elapsed(sub {
    ok(until_true(sub { (Weir::Tls::ask($w, 'https', name => 'h0123.example')->{subject} // '') =~ /new/ }), 'one that was replaced is in use');
});
my $soon = scale(5, 10) * slow();    # some thousand files are looked at a second
cmp_ok($took, '<', $soon, sprintf "within $soon seconds (%.1f)", $took);
like(Weir::Tls::ask($w, 'https', name => 'h0124.example')->{subject}, qr/h0124|h0000/, 'the others are what they were');

done_testing;
