# Client certificates: who gets in, what the origin is told, what a client may
# not say of itself, and when a connection is the wrong one for a host (421).
use v5.36;
use JSON::PP;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0, log => 'json');
my $dir = $w->dir;
my @pair  = Weir::Certs::make($dir, hosts => [qw(open.example optional.example required.example listed.example)]);
my $ca    = Weir::Certs::ca($dir, subject => '/O=Weir/CN=clients');
my $sub   = Weir::Certs::ca($dir, name => 'sub', ca => $ca);
my $other = Weir::Certs::ca($dir, name => 'other');
my %of = (
    good    => [ Weir::Certs::client($dir, name => 'good',    ca => $ca, subject => '/O=Weir, Inc./CN=Alice') ],
    expired => [ Weir::Certs::client($dir, name => 'expired', ca => $ca, days => -1) ],
    wrong   => [ Weir::Certs::client($dir, name => 'wrong',   ca => $other) ],
    own     => [ Weir::Certs::client($dir, name => 'own') ],
    revoked => [ Weir::Certs::client($dir, name => 'revoked', ca => $ca) ],
    deep    => [ Weir::Certs::client($dir, name => 'deep',    ca => $sub) ],
);
my $crl = Weir::Certs::crl($ca, $of{revoked}[0]);
my $rules = "tls = @pair\n/* = origin\n";
$w->upstream(app => 'echo');
$w->configure(<<"INI");
[upstream origin]
server = 127.0.0.1:\@UPSTREAM:app\@

[server open.example]
listen = 127.0.0.1:\@PORT:http\@ tls, 127.0.0.1:\@PORT:plain\@
http = serve
$rules

[server optional.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls.client = optional
tls.client_ca = $dir/ca.pem
$rules

[server required.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls.client = required
tls.client_ca = $dir/ca.pem
tls.client_depth = 0
$rules

[server listed.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls.client = required
tls.client_ca = $dir/ca.pem
tls.client_crl = $crl
$rules
INI
$w->start;
my $port = $w->port;

# What the origin heard: its /echo answers with the request's fields.
sub ask ($sni, $who, %o) {
    my @cert = $who ? ('-cert', $of{$who}[0], '-key', $of{$who}[1], '-cert_chain', $of{$who}[0]) : ();
    return s_client($port, servername => $sni, options => [ @cert, @{ $o{options} // [] } ],
        send => request($o{host} // $sni, '/echo', @{ $o{fields} // [] }));
}
sub status ($said) { $said =~ /^HTTP\/1\.1 (\d+)/m ? $1 : 0 }
sub heard ($said, $name) { (Weir::echoed(eval { JSON::PP->new->latin1->decode(body_of($said)) } // {}, $name))[0] }

for my $version ('-tls1_3', '-tls1_2') {
    my @o = (options => [$version]);
    is(status(ask('required.example', 'good', @o)), 200, "$version: required: a good one gets in");
    for my $who ('', qw(expired wrong own deep)) {
        is(status(ask('required.example', $who, @o)), 0, "$version: required: " . ($who || 'none') . ' does not');
    }
    is(status(ask('listed.example', 'good', @o)), 200, "$version: a list of revoked ones: a good one gets in");
    is(status(ask('listed.example', 'revoked', @o)), 0, "$version: ... a revoked one does not");
    is(status(ask('optional.example', $_, @o)), 200, "$version: optional: " . ($_ || 'none') . ' is served') for '', sort keys %of;
}
ok($w->wait_log(qr/reason=tls_client_cert why="certificate has expired"/), 'why, in the log');
ok($w->wait_log(qr/reason=tls_client_cert why="peer did not return a certificate"/), '... also of who has none');
ok($w->wait_log(qr/reason=tls_client_cert why="certificate revoked"/), '... and of a revoked one');

my $said = ask('optional.example', 'good');
my %facts = %{ Weir::Certs::facts($of{good}[0]) };
is(heard($said, 'X-Client-Cert-Verify'), 'ok', 'the origin hears that it verifies');
is(heard($said, 'X-Client-Cert-Subject'), 'CN=Alice,O=Weir\\, Inc.', '... whose it is; a comma in a name is none between two');
is(heard($said, 'X-Client-Cert-Issuer'), 'CN=clients,O=Weir', '... and who says so');
like(heard($said, 'X-Client-Cert-Fingerprint') // '', qr/^[0-9a-f]{64}$/, '... the fingerprint');
like(heard($said, 'X-Client-Cert-Serial') // '', qr/^[0-9A-F]+$/, '... the serial number');
$said = ask('optional.example', 'wrong');
like(heard($said, 'X-Client-Cert-Verify'), qr/unable to get local issuer certificate|unable to verify the first certificate/, 'of a bad one: what is wrong');
is(heard($said, 'X-Client-Cert-Subject'), undef, '... and nothing that it says of itself');
is(heard(ask('optional.example', ''), 'X-Client-Cert-Verify'), 'none', 'without one: none');

my @lies = map { "$_: fib" } qw(X-Client-Cert-Verify X-Client-Cert-Subject X-Client-Cert-Issuer X-Client-Cert-San X-Client-Cert-Serial
    X-Client-Cert-Fingerprint Client-Cert Client-Cert-Chain X_Client_Cert_Verify Client_Cert x-client-cert-verify);
for my $sni ('open.example', 'optional.example') {
    my $heard = body_of(ask($sni, '', fields => [ @lies, 'X-Other: word' ]));
    like($heard, qr/word/, "$sni: the origin hears other fields");
    unlike($heard, qr/fib/, '... but not what a client says of its certificate');
}
my $plain = $w->raw(request('open.example', '/echo', @lies, 'X-Other: word'), port => 'plain');
like($plain, qr/word/, 'so on a plain listener');
unlike($plain, qr/fib/, '... nothing of it passes');

# 421: the name that decided on the rules is the handshake's.
is(status(ask('open.example', '', host => 'required.example')), 421, 'Host of a closed server behind the name of an open one: 421');
is(status(ask('optional.example', 'good', host => 'required.example')), 421, '... behind another with other rules');
is(status(ask('required.example', 'good', host => 'open.example')), 421, '... and the other way round');
is(status(ask('open.example', '')), 200, 'the right one is served');
ok((grep { /"reason":"misdirected"/ } $w->access_log), 'reason misdirected');
like((grep { /"client_cert_verify":"ok"/ } $w->access_log)[0], qr/"client_cert_subject":"CN=Alice,O=Weir/, 'the log line says who it was');
$w->finish;
done_testing;
