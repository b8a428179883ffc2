# A PROXY protocol header in front of TLS, of both versions: whose connection
# it is, and that it is wanted.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' }, conf => <<'INI');
[weir]
trusted_proxies = 127.0.0.1
header_timeout = 1s
handshake_timeout = 1s
[server *]
listen = 127.0.0.1:@PORT:https@ tls proxy_protocol
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;

my $v1 = "PROXY TCP4 192.0.2.7 192.0.2.1 1000 443\r\n";
my $v2 = "\r\n\r\n\0\r\nQUIT\n" . pack('CCn', 0x21, 0x11, 12) . pack 'C4C4nn', 192, 0, 2, 8, 192, 0, 2, 1, 1000, 443;
my $local = "\r\n\r\n\0\r\nQUIT\n" . pack 'CCn', 0x20, 0, 0;
for my $case ([ 'version 1', $v1, '192.0.2.7' ], [ 'version 2', $v2, '192.0.2.8' ], [ 'version 2, LOCAL', $local, '127.0.0.1' ]) {
    my ($what, $header, $client) = @$case;
    my $c = Weir::Tls::stream($w, 'https', preface => unpack 'H*', $header);
    is($c->facts->{version}, 'TLSv1.3', "$what: hands are shaken");
    my $d = $w->get_json('/', on => $c);
    is_deeply([ Weir::echoed($d, 'X-Forwarded-For'), Weir::echoed($d, 'X-Forwarded-Proto') ], [ $client, 'https' ], 'and the client is the one of the header');
    $d = $w->get_json('/again', on => $c);
    is((Weir::echoed($d, 'X-Real-IP'))[0], $client, 'on every request');
}
# In one packet with the hello, and in pieces.
my $hello = Weir::Tls::hello();
ok(Weir::Tls::answer(Weir::Tls::say($w, 'https', $v1 . $hello)), 'header and hello at once');
my $c = $w->conn;
$c->drip($v1 . $hello, 7);
ok(length($c->recv_n(100) // ''), 'both in little pieces');
$c->close;

my $t = Weir::Tls::stream($w, 'https');
ok($t->facts->{failed}, 'TLS without a header is not served');
like($w->wait_log(qr/proxy/i), qr/reason=\w*proxy\w*|proxy/i, 'and the log says why') or diag($w->error_log);
$c = $w->conn;
$c->send($v1);
is($c->closed(timeout => 10), 'fin', 'a header and no hello: closed in time');
ok($w->wait_log(qr/reason=tls_timeout .*client=192\.0\.2\.7|reason=tls_timeout/), 'reason tls_timeout');
my $m = $w->raw($v1 . $w->request_text('/plain'));
like($m, qr{^HTTP/1\.1 400 }, 'plain HTTP behind a header: 400');
my $end = $w->ended_requests;
is($end->{'/plain'}{reason}, 'plain_on_tls', 'reason plain_on_tls');
is($end->{'/plain'}{remote_addr}, '192.0.2.7', 'of the client of the header');

done_testing;
