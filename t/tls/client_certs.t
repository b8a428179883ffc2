# Client certificates: off, optional and required, with none, a good one, and
# one that is bad in each way.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' }, conf => <<'INI');
[defaults]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
tls.client_ca = @DIR@/root.pem
tls.client_crl = @DIR@/lists.pem
[server off.example]
/* = 127.0.0.1:@UPSTREAM:app@
[server optional.example]
tls.client = optional
/* = 127.0.0.1:@UPSTREAM:app@
[server required.example]
tls.client = required
/* = 127.0.0.1:@UPSTREAM:app@
[server near.example]
tls.client = required
tls.client_depth = 0
/* = 127.0.0.1:@UPSTREAM:app@
[server nolist.example]
tls.client = required
tls.client_crl = off
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $dir = $w->dir;
Weir::Certs::make($dir, hosts => ['*.example']);
my @ca = Weir::Certs::ca($dir, name => 'root');
push @ca, Weir::Certs::ca($dir, name => "sub$_", ca => $ca[-1]) for 1 .. 4;
my $stranger = Weir::Certs::ca($dir, name => 'stranger');
my %who = (
    good      => [ Weir::Certs::client($dir, name => 'good', ca => $ca[0]) ],
    expired   => [ Weir::Certs::client($dir, name => 'expired', ca => $ca[0], days => -1) ],
    early     => [ Weir::Certs::client($dir, name => 'early', ca => $ca[0], from => 2) ],
    stranger  => [ Weir::Certs::client($dir, name => 'stranger-client', ca => $stranger) ],
    revoked   => [ Weir::Certs::client($dir, name => 'revoked', ca => $ca[0]) ],
    self      => [ Weir::Certs::client($dir, name => 'self') ],
    server    => [ Weir::Certs::make($dir, name => 'server', hosts => ['good'], ca => $ca[0]) ],
    one       => [ Weir::Certs::client($dir, name => 'one', ca => $ca[1]) ],
    three     => [ Weir::Certs::client($dir, name => 'three', ca => $ca[3]) ],
    four      => [ Weir::Certs::client($dir, name => 'four', ca => $ca[4]) ],
    unchained => [ Weir::Certs::client($dir, name => 'unchained', ca => $ca[1], chain => 0) ],
);
$w->write_file('lists.pem', join '', map { Weir::_slurp(Weir::Certs::crl($_, $_ == $ca[0] ? $who{revoked}[0] : ())) } @ca);
$w->start;

# "STATUS VERIFY SUBJECT" as the upstream was told, or the alert.
sub shows ($name, $who, @words) {
    my @cert = $who eq 'none' ? () : (-cert => $who{$who}[0], -key => $who{$who}[1], -cert_chain => $who{$who}[0]);
    my $s = Weir::Tls::ask($w, 'https', name => "$name.example", args => [ @words, @cert ]);
    return "alert $s->{alert}" if defined $s->{alert};
    my %told = map { lc $_->[0] => $_->[1] } @{ (eval { decode_json($s->{body}) } // { fields => [] })->{fields} };
    return join ' ', grep { defined } $s->{status}, @told{qw(x-client-cert-verify x-client-cert-subject)};
}

for my $version ('-tls1_2', '-tls1_3') {
    is(shows('off', $_, $version), '200', "$version: off: $_ is served, and the upstream is told nothing") for qw(none good expired);
    is(shows('optional', 'none', $version), '200 none', "$version: optional: none");
    is(shows('optional', 'good', $version), '200 ok CN=good', 'a good one: who it is');
    is(shows('required', 'none', $version), $version eq '-tls1_3' ? 'alert 116' : 'alert 40', 'required: none');
    is(shows('required', 'good', $version), '200 ok CN=good', 'a good one');
}
my %why = (
    expired => [ 'certificate has expired', 45 ], early => [ 'certificate is not yet valid', 42 ], revoked => [ 'certificate revoked', 44 ],
    stranger => [ 'unable to get local issuer certificate', 48 ], self => [ 'self-signed certificate', 48 ],
    server => [ qr/unsuitable certificate purpose|unsupported certificate purpose/, 43 ], unchained => [ 'unable to get local issuer certificate', 48 ],
    four => [ 'certificate chain too long', 48 ],
);
for my $who (sort keys %why) {
    my ($why, $alert) = @{ $why{$who} };
    like(shows('optional', $who), qr/^200 (?:$why)$/, "optional: $who: the upstream is told what is wrong, and not who it says it is");
    is(shows('required', $who), "alert $alert", "required: $who: alert $alert");
}
is(shows('required', 'one'), '200 ok CN=one', 'an authority between');
is(shows('required', 'three'), '200 ok CN=three', 'three of them, as many as there may be by itself');
is(shows('near', 'good'), '200 ok CN=good', 'tls.client_depth = 0: a certificate of the authority itself');
is(shows('near', 'one'), 'alert 48', 'and none with another between');
is(shows('nolist', 'revoked'), '200 ok CN=revoked', 'without a list nobody is revoked');
like($w->wait_log(qr/reason=tls_client_cert why="certificate has expired"/), qr/ info .*handshake failed, closed .* name="required\.example"/, 'the log: tls_client_cert, and why');

# Whom a server asks, it tells by whom the certificate is to be signed.
my $s = Weir::Tls::ask($w, 'https', name => 'required.example', args => ['-tls1_2']);
like($s->{text}, qr/^Acceptable client certificate CA names\nO = Weir tests, CN = root\n(?!O)/m, 'the authorities are named in the question');
is(Weir::Tls::ask($w, 'https', name => 'off.example')->{asks}, 0, 'off: nobody is asked');

# curl and python show theirs.
my @curl = ('-k', '--resolve', 'required.example:' . $w->port('https') . ':127.0.0.1', 'https://required.example:' . $w->port('https') . '/');
is(decode_json($w->curl('--cert', $who{good}[0], '--key', $who{good}[1], @curl))->{target}, '/', 'curl');
$w->curl(@curl, '-o', '/dev/null', '--stderr', '/dev/null');
isnt($?, 0, 'curl without one fails');
my $c = Weir::Tls::stream($w, 'https', name => 'required.example', cert => $who{one}[0], key => $who{one}[1]);
is($w->get('/', on => $c, host => 'required.example')->status, 200, 'python, with the chain');
# With TLS 1.3 a client learns only behind its own handshake that it is not welcome.
$c = Weir::Tls::stream($w, 'https', name => 'required.example', min => '1.3');
$c->send($w->request_text('/not', host => 'required.example'));
is($c->end, 'TLSV13_ALERT_CERTIFICATE_REQUIRED', 'python without one');
ok(!(grep { $_->target eq '/not' } $w->upstream_got('app')), 'whose request went nowhere');

done_testing;
