# Every way in which TLS with a server fails: the status, the reason in the
# access log, and that a good server is reached all the same afterwards.
# Whether a certificate was revoked is asked of nobody, so that has no case.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::TlsOrigins;

my %script = (
    # a server that is none of TLS
    plain    => sub ($c) { $c->send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") },
    silent   => sub ($c) { $c->closed(timeout => 20) },
    half     => sub ($c) { $c->recv_n(5); $c->send("\x16\x03\x03\x00\x7a\x02\x00"); $c->closed(timeout => 20) },
    closes   => sub ($c) { $c->recv_n(5) },
    at_once  => sub ($c) { },
    resets   => sub ($c) { $c->recv_n(5); $c->reset },
    nonsense => sub ($c) { $c->recv_n(5); $c->send("\x16\x03\x03\x00\x04\x0e\x00\x00\x00") },
    huge     => sub ($c) { $c->recv_n(5); $c->send("\x16\x03\x03\xff\xff" . 'x' x 70000) },
    # an alert of the server's own: internal_error
    alert    => sub ($c) { $c->recv_n(5); $c->send("\x15\x03\x03\x00\x02\x02\x50") },
);

# NAME => [status, reason, keys of its upstream, its origin ('': a script of that name)]
my $ca = 'tls.ca = @DIR@/ca.pem';
my %case = (
    good            => [ 200, '', $ca, 'good' ],
    by_name         => [ 200, '', "$ca\ntls.name = app.example", 'app' ],
    by_wildcard     => [ 200, '', "$ca\ntls.name = x.wild.example", 'app' ],
    by_ip           => [ 200, '', "$ca\ntls.name = 127.0.0.1", 'good' ],
    by_other_ip     => [ 200, '', "$ca\ntls.name = 2001:db8::1", 'app' ],
    rsa             => [ 200, '', $ca, 'rsa' ],
    intermediate    => [ 200, '', $ca, 'chain' ],
    tls12           => [ 200, '', $ca, 'tls12' ],
    shows_cert      => [ 200, '', "$ca\ntls.cert = \@DIR\@/client.pem \@DIR\@/client.key", 'asks' ],
    shows_cert_12   => [ 200, '', "$ca\ntls.cert = \@DIR\@/client.pem \@DIR\@/client.key", 'asks12' ],
    unverified      => [ 200, '', 'tls.verify = off', 'own' ],
    unverified_old  => [ 200, '', 'tls.verify = off', 'expired' ],
    unverified_name => [ 200, '', "tls.verify = off\ntls.name = some.example", 'other' ],
    own_trusted     => [ 200, '', 'tls.ca = @DIR@/origin-own.pem', 'own' ],

    expired         => [ 502, 'upstream_tls_expired', $ca, 'expired' ],
    not_yet         => [ 502, 'upstream_tls_expired', $ca, 'not_yet' ],
    own             => [ 502, 'upstream_tls_issuer', $ca, 'own' ],
    stranger        => [ 502, 'upstream_tls_issuer', $ca, 'stranger' ],
    system          => [ 502, 'upstream_tls_issuer', '', 'good' ],
    no_intermediate => [ 502, 'upstream_tls_issuer', $ca, 'no_chain' ],
    wrong_name      => [ 502, 'upstream_tls_name', "$ca\ntls.name = other.example", 'good' ],
    wrong_wildcard  => [ 502, 'upstream_tls_name', "$ca\ntls.name = x.y.wild.example", 'app' ],
    wrong_ip        => [ 502, 'upstream_tls_name', $ca, 'app' ],
    ip_as_name      => [ 502, 'upstream_tls_name', "$ca\ntls.name = 127.0.0.1", 'only_name' ],
    wrong_purpose   => [ 502, 'upstream_tls_cert', $ca, 'for_clients' ],
    no_cert         => [ 502, 'upstream_tls_alert', $ca, 'asks' ],
    no_cert_12      => [ 502, 'upstream_tls_alert', $ca, 'asks12' ],
    strange_cert    => [ 502, 'upstream_tls_alert', "$ca\ntls.cert = \@DIR\@/mallory.pem \@DIR\@/mallory.key", 'asks' ],
    no_suite        => [ 502, 'upstream_tls_alert', $ca, 'cbc' ],
    tls11           => [ 502, 'upstream_tls_protocol', $ca, 'tls11' ],
    tls10           => [ 502, 'upstream_tls_protocol', $ca, 'tls10' ],
    plain           => [ 502, 'upstream_tls_protocol', $ca, '' ],
    nonsense        => [ 502, 'upstream_tls_protocol', $ca, '' ],
    huge            => [ 502, 'upstream_tls_protocol', $ca, '' ],
    silent          => [ 504, 'upstream_tls_timeout', $ca, '' ],
    half            => [ 504, 'upstream_tls_timeout', $ca, '' ],
    closes          => [ 502, 'upstream_tls_closed', $ca, '' ],
    at_once         => [ 502, 'upstream_tls_closed', $ca, '' ],
    resets          => [ 502, 'upstream_tls_closed', $ca, '' ],
    alert           => [ 502, 'upstream_tls_alert', $ca, '' ],
);

my $conf = "[defaults]\ntimeout.connect = 700ms\n";
my $routes = '';
for my $name (sort keys %case) {
    my ($keys, $origin) = @{ $case{$name} }[ 2, 3 ];
    my $server = '127.0.0.1:@UPSTREAM:' . ($origin || $name) . '@';
    # an alone server that is ejected is used all the same; a state of its own would hide nothing
    $conf .= "[upstream $name]\nserver = $server\ntls = on\neject = off\n$keys\n";
    $routes .= "/$name/* = $name\n";
}
my $w = Weir->new(start => 0, log => 'json', conf => "$conf\[server *]\nlisten = 127.0.0.1:\@PORT:http\@\n$routes", upstream => \%script);
my $dir = $w->dir;
my $t = Weir::TlsOrigins->new($w);
my $stranger = Weir::Certs::ca($dir, name => 'stranger');
my $sub = Weir::Certs::ca($dir, name => 'sub', ca => $t->ca);
Weir::Certs::client($dir, ca => $t->ca);
Weir::Certs::client($dir, name => 'mallory', ca => $stranger);
$t->origin('good');
$t->origin('app', cert => { hosts => [ 'app.example', '*.wild.example', '2001:db8::1' ] });
$t->origin('only_name', cert => { hosts => ['app.example'], subject => '/CN=127.0.0.1' });
$t->origin('other', cert => { hosts => ['other.example'] });
$t->origin('rsa', cert => { type => 'rsa' });
$t->origin('chain', cert => { ca => $sub });
$t->origin('no_chain', cert => { ca => $sub, chain => 0 });
$t->origin('expired', cert => { days => -1 });
$t->origin('not_yet', cert => { from => 2, days => 9 });
$t->origin('own', cert => { ca => undef });
$t->origin('stranger', cert => { ca => $stranger });
$t->origin('for_clients', cert => { client => 1 });
$t->origin('asks', client_ca => $t->ca->{cert});
$t->origin('asks12', client_ca => $t->ca->{cert}, max => 'TLSv1_2');
$t->origin('tls12', max => 'TLSv1_2');
$t->origin('cbc', max => 'TLSv1_2', ciphers => 'ECDHE-ECDSA-AES128-SHA');
$t->origin('tls11', max => 'TLSv1_1', ciphers => 'ALL:@SECLEVEL=0');
$t->origin('tls10', max => 'TLSv1', ciphers => 'ALL:@SECLEVEL=0');
$t->start;
$w->start;

for my $name (sort keys %case) {
    my ($status, $reason, undef, $origin) = @{ $case{$name} };
    my $m = $w->get("/$name/x");
    is($m->status, $status, "$name: $status");
    like($m->body, qr/"origin": "$origin"/, '... from it') if $status == 200;
    my $after = $w->get("/good/after-$name", on => $w->conn);
    is($after->status, 200, '... and a good server afterwards');
}

# A certificate that weir shows, and the name that it asks for.
my %said = map { $_ => $w->get_json("/$_/said") } qw(good by_name shows_cert shows_cert_12 unverified_name tls12);
is($said{good}{sni}, undef, 'no SNI for an address');
is($said{by_name}{sni}, 'app.example', 'tls.name is asked for');
is($said{unverified_name}{sni}, 'some.example', 'also when nothing is verified');
is($said{$_}{client}, 'client', "the client certificate is seen ($_)") for qw(shows_cert shows_cert_12);
is($said{good}{version}, 'TLSv1.3', 'the newest version');
is($said{tls12}{version}, 'TLSv1.2', 'or the one that the server has');

my $end = $w->ended_requests;
for my $name (sort keys %case) {
    my ($status, $reason) = @{ $case{$name} };
    my $line = $end->{"/$name/x"};
    is("$line->{status} $line->{reason}", "$status $reason", "in the log: $name" . ($reason ? ", $reason" : ''));
}
done_testing;
