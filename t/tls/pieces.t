# However the bytes of a handshake and of records come - one by one, a message
# in many records, the end of the handshake and requests in one packet - it is
# the same connection.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
tls.client = optional
tls.client_ca = @DIR@/ca.pem
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $dir = $w->dir;
my $ca = Weir::Certs::ca($dir);
Weir::Certs::make($dir, ca => $ca);
my @client = Weir::Certs::client($dir, ca => $ca);
$w->start;

for my $version ('1.2', '1.3') {
    my $c = Weir::Tls::stream($w, 'https', max => $version, drip => 1, cert => $client[0], key => $client[1]);
    my $d = $w->get_json('/drip', on => $c, body => pattern(3000));
    is($d->{body}, pattern(3000), "TLS $version: byte by byte, with a client certificate");
    is((Weir::echoed($d, 'X-Client-Cert-Verify'))[0], 'ok', 'which is understood');
    $c->close;

    $c = Weir::Tls::stream($w, 'https', max => $version, together => 1);
    $c->send(join '', map { $w->request_text("/together/$_") } 1 .. 5);
    is(join(' ', map { my $m = $c->recv_response; $m ? $m->status : 'none' } 1 .. 5), '200 200 200 200 200', 'the end of the handshake and five requests in one packet');
    $c->close;

    $c = Weir::Tls::stream($w, 'https', max => $version, together => 1);
    $c->send($w->request_text('/last'));
    $c->shutdown_write;
    my $m = $c->recv_response;
    is($m && $m->status, 200, 'with a request and the end of the connection behind it');
    is($c->end, 'close_notify', 'which is answered and ended');
}

# A hello in records of a few bytes each.
my $hello = substr Weir::Tls::hello(name => 'localhost'), 5;
for my $n (1, 3, 50) {
    my $pieces = join '', map { pack('Cn', 22, 0x0301) . pack('n/a*', $_) } unpack "(a$n)*", $hello;
    ok(Weir::Tls::answer(Weir::Tls::say($w, 'https', $pieces)), "a hello in records of $n bytes");
}
my $empty = pack('Cnn', 22, 0x0301, 0) x 40;
my $got = Weir::Tls::say($w, 'https', $empty . Weir::Tls::hello());
ok(defined Weir::Tls::alert($got), 'records without bytes in the handshake have a limit');
# One that goes on for ever.
$got = Weir::Tls::say($w, 'https', pack('CnnCCn', 22, 0x0301, 16384, 1, 0xff, 0xffff) . 'x' x 16380);
ok(defined Weir::Tls::alert($got), 'a hello of 16 megabytes is refused at its beginning');
is(Weir::Tls::ask($w, 'https')->{status}, 200, 'others are served');

done_testing;
