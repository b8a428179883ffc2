# A session is good for the server that it was made with, as long as that asks
# the same of clients: with another server of the address (the case of
# CVE-2025-23419), other authorities, a stricter rule, the handshake is a full
# one, which looks at the client's certificate.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $conf = <<'INI';
[defaults]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
[server open.example]
/* = 127.0.0.1:@UPSTREAM:app@
[server twin.example]
/* = 127.0.0.1:@UPSTREAM:app@
[server closed.example]
tls.client = required
tls.client_ca = @DIR@/clients.pem
/* = 127.0.0.1:@UPSTREAM:app@
[server other.example]
tls.client = required
tls.client_ca = @DIR@/other.pem
/* = 127.0.0.1:@UPSTREAM:app@
[server maybe.example]
tls.client = optional
tls.client_ca = @DIR@/clients.pem
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(start => 0, conf => $conf, upstream => { app => 'echo' });
my $dir = $w->dir;
my $ca = Weir::Certs::ca($dir, name => 'clients');
my $other = Weir::Certs::ca($dir, name => 'other');
Weir::Certs::make($dir, hosts => [ '*.example' ]);
my @alice = Weir::Certs::client($dir, name => 'alice', ca => $ca);
$w->start;

# A connection to a server, with the session of a file, by default from scratch: "REUSED STATUS VERIFY" (the last
# as the upstream was told), or the alert.
sub go ($version, $name, %o) {
    my @words = ($version, $o{in} ? ('-sess_in', "$dir/$o{in}") : (), $o{out} ? ('-sess_out', "$dir/$o{out}") : (),
        $o{cert} ? (-cert => $alice[0], -key => $alice[1]) : ());
    my $s = Weir::Tls::ask($w, 'https', name => "$name.example", args => \@words);
    return "alert $s->{alert}" if defined $s->{alert};
    my ($verify) = $s->{body} =~ /\["X-Client-Cert-Verify","(.*?)"\]/;
    return join ' ', $s->{reused} ? 'resumed' : 'full', $s->{status}, $verify // '-';
}

for my $version ('-tls1_3', '-tls1_2') {
    my $v = "TLS 1." . substr $version, -1;
    my $no = $version eq '-tls1_3' ? 'alert 116' : 'alert 40';    # certificate_required came with TLS 1.3
    is(go($version, 'open', out => 'open'), 'full 200 -', "$v: a session of the open server");
    is(go($version, 'open', in => 'open'), 'resumed 200 -', 'is good there');
    is(go($version, 'closed', in => 'open'), $no, 'the server that wants certificates does not take it, and asks for one');
    is(go($version, 'closed', in => 'open', cert => 1), 'full 200 ok', 'which a client can then show');
    is(go($version, 'maybe', in => 'open'), 'full 200 none', 'one where certificates are optional does not take it');
    is(go($version, 'twin', in => 'open'), 'full 200 -', 'nor does a server with the same rules: it is another');

    is(go($version, 'closed', cert => 1, out => 'closed'), 'full 200 ok', "$v: a session of the server that wants certificates");
    is(go($version, 'closed', in => 'closed'), 'resumed 200 ok', 'is good there, and still says who the client is');
    is(go($version, 'other', in => 'closed'), $no, 'not where others sign certificates');
    is(go($version, 'open', in => 'closed'), 'full 200 -', 'nor at the open server');
    is(go($version, 'maybe', in => 'closed'), 'full 200 none', 'nor where it is optional');

    is(go($version, 'maybe', out => 'maybe'), 'full 200 none', "$v: a session without a certificate where it is optional");
    is(go($version, 'maybe', in => 'maybe'), 'resumed 200 none', 'is good there, and says that there was none');
    is(go($version, 'closed', in => 'maybe'), $no, 'not where it is required');
}

# Another depth, by a reload.
go($_, 'closed', cert => 1, out => "depth$_") for '-tls1_3', '-tls1_2';
is(scalar $w->reload(conf => $conf =~ s/^tls\.client = required$/$&\ntls.client_depth = 1/mr), 0, 'another depth of chains');
is(go($_, 'closed', in => "depth$_", cert => 1), 'full 200 ok', "$_: a session from before is not taken") for '-tls1_3', '-tls1_2';
is(go($_, 'open', in => 'open'), 'resumed 200 -', 'those of other servers are') for go('-tls1_3', 'open', out => 'open') ? '-tls1_3' : ();

# Optional becomes required, by a reload.
go($_, 'maybe', out => "maybe$_") for '-tls1_3', '-tls1_2';
is(scalar $w->reload(conf => $conf =~ s/optional/required/r), 0, 'what was optional is required now');
is(go('-tls1_3', 'maybe', in => 'maybe-tls1_3'), 'alert 116', 'TLS 1.3: a session from before is not taken');
is(go('-tls1_2', 'maybe', in => 'maybe-tls1_2'), 'alert 40', 'TLS 1.2: likewise');

# The authorities change under a running weir.
go($_, 'closed', cert => 1, out => "closed$_") for '-tls1_3', '-tls1_2';
is(go($_, 'closed', in => "closed$_"), 'resumed 200 ok', "$_: resumed") for '-tls1_3', '-tls1_2';
$w->write_file('clients.pem', Weir::_slurp("$dir/other.pem"));
ok($w->wait_log(qr/a changed file is in use now path=.*clients\.pem/), 'other authorities are in use');
ok(until_true(sub { go('-tls1_3', 'closed', cert => 1) =~ /alert/ }), 'the certificate is not good any more');
is(go('-tls1_3', 'closed', in => 'closed-tls1_3'), 'alert 116', 'TLS 1.3: and the session of its time is not taken');
is(go('-tls1_2', 'closed', in => 'closed-tls1_2'), 'alert 40', 'TLS 1.2: likewise');
is(go('-tls1_3', 'open', in => 'open'), 'resumed 200 -', 'sessions of other servers are as good as before') if go('-tls1_3', 'open', out => 'open');

done_testing;
