# What a hostile or broken client can do with handshakes, and what it costs:
# its own connection, with a reason in the log.
use v5.36;
use IO::Socket::INET;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my @pair = Weir::Certs::make($w->dir);
$w->configure(<<"INI");
[weir]
handshake_timeout = 1s
limit.handshakes = 16

[server *]
listen = 127.0.0.1:\@PORT:http\@ tls, 127.0.0.1:\@PORT:px\@ tls proxy_protocol
tls = @pair
/* = status:200 yes
INI
$w->start;
my $port = $w->port;
sub dial { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "connect: $!" }
sub served ($what) { is(body_of(s_client($port, send => request('localhost'))), 'yes', "$what: others are served") }
sub reason ($re, $what) { ok($w->wait_log($re), $what) }

# Half a hello, then nothing.
my $slow = dial();
syswrite $slow, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
is(sysread($slow, my $buf, 100), 0, 'a client that goes no further is closed');
reason(qr/handshake failed, closed reason=tls_timeout/, 'reason tls_timeout');
served('after it');

# So many at once that the oldest have to go; a good client gets through all the while.
my @open;
for my $round (1 .. 4) {
    for (1 .. 12) {
        my $s = dial();
        syswrite $s, "\x16\x03\x01\x02\x00\x01";
        push @open, $s;
    }
    served("round $round of clients that begin and do not go on");
}
reason(qr/handshake failed, closed reason=tls_overload/, 'reason tls_overload');
close $_ for @open;

ok(until_true(sub {    # lines are limited to some in a second
        my $gone = dial();
        syswrite $gone, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
        close $gone;
        $w->error_log =~ /reason=tls_closed/;
    }), 'a client that closes: tls_closed');
my $reset = dial();
syswrite $reset, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
setsockopt $reset, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
close $reset;
served('one that resets');

for ([ 'random bytes', join '', map { chr(128 + ($_ * 37) % 128) } 1 .. 400 ], [ 'a hello cut short by its own lengths', "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03" ],
    [ 'SSL 2', "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" . 'x' x 40 ], [ 'an alert', "\x15\x03\x01\x00\x02\x02\x28" ],
    [ 'data before any key', "\x17\x03\x03\x00\x20" . 'x' x 32 ], [ 'a record of 64 KiB', "\x16\x03\x01\xff\xff" . 'x' x 65535 ]) {
    my ($what, $bytes) = @$_;
    my $s = dial();
    local $SIG{PIPE} = 'IGNORE';
    syswrite $s, $bytes;
    my $got = '';
    while (sysread $s, my $more, 4096) { $got .= $more }
    unlike($got, qr/HTTP/, "$what: closed, at most with an alert");
}
# Lines are limited to some in a second, so that who makes many cannot fill a disk.
sub reason_of ($do, $re, $what) {
    ok(until_true(sub { $do->(); $w->error_log =~ $re }), $what);
}
reason_of(sub { my $s = dial(); syswrite $s, "\x17\x03\x03\x00\x20" . 'x' x 32; sysread $s, my $more, 10 }, qr/reason=tls_protocol/, 'reason tls_protocol');
reason_of(sub { qx(curl -s -m 5 https://localhost:$port/) }, qr/reason=tls_alert why="[^"]*unknown ca/,
    'a client that does not trust the certificate: tls_alert, and its words');
served('all of these');
# A PROXY header lets the hello begin without a byte of it.
my $mute = sub {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $w->port('px')) or die "connect: $!";
    syswrite $s, "PROXY TCP4 192.0.2.9 127.0.0.1 1000 443\r\n";
    body_of(s_client($port, send => request('localhost')));
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $s;
};
reason_of($mute, qr/reason=tls_closed .*client=192\.0\.2\.9 /, 'a client that resets before its first byte: tls_closed, at once');
unlike($w->error_log, qr/reason=tls_timeout .*client=192\.0\.2\.9 /, '... and does not keep its place until the time is over');

# Plain HTTP where TLS is spoken.
my $plain = $w->raw("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n");
like($plain, qr/^HTTP\/1\.1 400 /, 'plain HTTP on such a port: 400');
like($plain, qr/This port speaks HTTPS/, '... with an explanation');
like($plain, qr/^Connection: close/mi, '... and the connection ends');
like($w->raw("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"), qr/"detail":"This port speaks HTTPS/, '... in JSON for who wants that');
reason(qr/reason=plain_on_tls status=400/, 'reason plain_on_tls');

# A PROXY header stands before TLS.
my $text = python(<<'PY', $w->port('px'));
import socket, ssl, sys
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
t = c.wrap_bio(i, o, server_hostname='localhost')
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)
first = b'PROXY TCP4 192.0.2.7 127.0.0.1 1000 443\r\n'
while True:
    try:
        t.do_handshake(); break
    except ssl.SSLWantReadError:
        s.sendall(first + o.read()); first = b''
        i.write(s.recv(65536))
t.write(b'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
s.sendall(o.read())
while True:
    b = s.recv(65536)
    if not b: break
    i.write(b)
print(t.read(10000).decode())
PY
like($text, qr/^HTTP\/1\.1 200.*yes/s, 'a PROXY header and the hello in one packet');
$w->finish;
done_testing;
