# ALPN: http/1.1 is chosen from what is offered, offers without it are refused
# by name, and who offers nothing is served.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;

for my $version ('1.2', '1.3') {
    my $c = Weir::Tls::stream($w, 'https', max => $version, min => $version);
    is($w->get('/', on => $c)->status, 200, "TLS $version: a client that offers nothing is served");
    is($c->facts->{version}, "TLSv$version", 'with that version');
    is($c->facts->{alpn}, undef, 'and nothing is chosen');

    for my $offer ([qw(h2 http/1.1)], [qw(http/1.1 h2)]) {
        $c = Weir::Tls::stream($w, 'https', max => $version, alpn => $offer);
        is($c->facts->{alpn}, 'http/1.1', "@$offer: http/1.1 is chosen");
        is($w->get('/', on => $c)->status, 200, 'and spoken');
    }
    for my $offer ('h2', 'acme-tls/1,HTTP/1.1', 'http/1.0,http/1.10') {
        my $s = Weir::Tls::ask($w, 'https', args => [ '-alpn', $offer, '-' . ("tls$version" =~ tr/./_/r) ]);
        is($s->{alert}, 120, "$offer alone: no_application_protocol");
        is($s->{status}, undef, 'and nothing is served');
    }
}
is(() = $w->error_log =~ / info .*handshake failed, closed reason=tls_alpn /g, 6, 'reason tls_alpn, each');
is($w->curl('-k', '-o', '/dev/null', '-w', '%{http_version}', '--http2', 'https://localhost:' . $w->port('https')), '1.1', 'curl would like HTTP/2, and speaks HTTP/1.1');

done_testing;
