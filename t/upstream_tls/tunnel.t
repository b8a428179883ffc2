# Upgrades over TLS: bytes flow both ways and each side ends its own.
use v5.36;
use Cwd 'abs_path';
use Test::More;
use Weir;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream app]
server = https://127.0.0.1:@UPSTREAM:app@
tls.ca = @DIR@/ca.pem
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
INI
Weir::TlsOrigins->new($w)->origin('app')->start;
$w->start;

sub upgrade ($path, $more = '') {
    my $c = $w->conn(timeout => 20);
    $c->send($w->request_text($path, fields => [ Upgrade => 'echo', Connection => 'Upgrade' ]) . $more);
    return ($c, $c->recv_response);
}

my ($c, $m) = upgrade('/tunnel');
is($m->status, 101, 'upgraded');
for my $n (1, 1000, 16384, 16385, 1_000_000) {
    my $text = pattern($n);
    my $got = '';
    for my $piece (unpack '(a60000)*', $text) { $c->send($piece); $got .= $c->recv_n(length $piece) // '' }
    ok($got eq $text, "$n bytes there and back");
}
$c->shutdown_write;
is($c->recv_until_close, 'bye', 'the client ends its direction, the server answers that, and ends its own');
is($c->closed(timeout => 5), 'fin', 'in peace');

($c, $m) = upgrade('/early', 'early');
is($c->recv_n(5), 'early', 'bytes sent behind the request');
$c->close;
ok(until_true(sub { grep { $_->{request_uri} eq '/early' } $w->access }), 'a client that goes ends the tunnel');

my $end = $w->ended_requests;
is("$end->{'/tunnel'}{status} $end->{'/tunnel'}{reason}", '101 ', 'in the log: no failure');
done_testing;
