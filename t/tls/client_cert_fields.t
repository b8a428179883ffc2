# What an upstream is told of a client's certificate, and what nobody can make
# it believe: fields of these names that a client sends are removed everywhere,
# and a name inside a certificate is never two.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' }, conf => <<'INI');
[defaults]
tls = @DIR@/cert.pem @DIR@/cert.key
tls.client_ca = @DIR@/ca.pem
underscores = keep
response_header.X-Said = %{tls_version}|%{client_cert_verify}|%{client_cert_subject}|%{client_cert_san}|%{client_cert_serial}|%{client_cert_fingerprint}
[server off.example]
listen = 127.0.0.1:@PORT:https@ tls, 127.0.0.1:@PORT:plain@
http = serve
/* = 127.0.0.1:@UPSTREAM:app@
[server optional.example]
listen = 127.0.0.1:@PORT:https@ tls
tls.client = optional
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $dir = $w->dir;
my $ca = Weir::Certs::ca($dir, subject => '/O=Weir tests/CN=clients');
Weir::Certs::make($dir, hosts => ['*.example']);
my @alice = Weir::Certs::client($dir, name => 'alice', ca => $ca, subject => '/O=Weir, Inc./CN=Alice', hosts => [ 'alice.example', '192.0.2.1', '2001:db8::1' ]);
$w->start;

# What the upstream got of these fields, by lower-case name, underscores as dashes.
sub told ($name, %o) {
    my $c = $o{plain} ? $w->conn(port => 'plain') : Weir::Tls::stream($w, 'https', name => $name, ($o{cert} ? (cert => $o{cert}[0], key => $o{cert}[1]) : ()));
    my $d = $w->get_json('/', on => $c, host => $name, fields => $o{fields} // []);
    my %told = (said => $d->{response}->field('X-Said'), other => join ',', Weir::echoed($d, 'X-Other'));
    for my $field (@{ $d->{fields} }) {
        my $key = lc $field->[0] =~ tr/_/-/r;
        push @{ $told{$1} }, $field->[1] if $key =~ /^(?:x-)?client-cert-?(.*)/;
    }
    return \%told;
}
my $facts = Weir::Certs::facts($alice[0]);
my %who = (
    verify => ['ok'], subject => ['CN=Alice,O=Weir\, Inc.'], issuer => ['CN=clients,O=Weir tests'],
    san => ['DNS:alice.example, IP:192.0.2.1, IP:2001:db8::1'], serial => [ $facts->{serial} ], fingerprint => [ $facts->{fingerprint} ],
);
is_deeply(told('optional.example', cert => \@alice), { %who, other => '',
    said => "TLSv1.3|ok|$who{subject}[0]|$who{san}[0]|$facts->{serial}|$facts->{fingerprint}" }, 'a certificate: who it is, by fields and by variables');
is_deeply(told('optional.example'), { verify => ['none'], other => '', said => 'TLSv1.3|none||||' }, 'without one: none');
is_deeply(told('off.example', cert => \@alice), { other => '', said => 'TLSv1.3|none||||' }, 'where nobody is asked, nothing');

# Nobody says it of himself.
my @names = map { ("X-Client-Cert-$_") } qw(Verify Subject Issuer San Serial Fingerprint);
my @lies = map { ($_ => 'a lie', lc $_ => 'a lie', tr/-/_/r => 'a lie', s/-(?=\w+\z)/_/r => 'a lie') } @names, 'Client-Cert', 'Client-Cert-Chain';
push @lies, 'X-Other' => 'true';
is_deeply(told('optional.example', cert => \@alice, fields => \@lies)->{$_}, $who{$_}, "beside a certificate: $_ is ours alone") for sort keys %who;
my $told = told('optional.example', fields => \@lies);
is($told->{other}, 'true', 'other fields are passed on');
delete @$told{qw(said other)};
is_deeply($told, { verify => ['none'] }, 'without a certificate: nothing of it is');
for my $case ([ 'on TLS where nobody is asked' ], [ 'on a plain listener', plain => 1 ]) {
    my ($what, @how) = @$case;
    my $told = told('off.example', @how, fields => \@lies);
    is(delete $told->{other}, 'true', "$what: other fields are passed on");
    delete $told->{said};
    is_deeply($told, {}, 'and nothing of these');
}

# A certificate with a SAN of these names (as DER, whatever is in them) and this subject.
my $n = 0;
sub odd ($subject, @names) {
    my $len = sub ($s) { length $s < 128 ? chr length $s : "\x82" . pack 'n', length $s };
    my $der = join '', map { chr($_->[0]) . $len->($_->[1]) . $_->[1] } @names;
    $der = '30' . unpack('H*', $len->($der)) . unpack 'H*', $der;
    my $name = 'odd' . ++$n;
    $w->write_file("$name.conf", "[req]\ndistinguished_name = dn\nutf8 = yes\n[dn]\n[ext]\nextendedKeyUsage = clientAuth\nsubjectAltName = DER:"
        . join(':', unpack '(a2)*', $der) . "\n");
    Weir::Certs::openssl(qw(req -x509 -new -days 30 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -utf8 -multivalue-rdn -extensions ext),
        '-config', "$dir/$name.conf", '-CA', $ca->{cert}, '-CAkey', $ca->{key}, '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem", '-subj', $subject);
    return [ "$dir/$name.pem", "$dir/$name.key" ];
}
my ($dns, $mail, $uri, $dir_name) = (0x82, 0x81, 0x86, 0xa4);
sub san (@names) { return told('optional.example', cert => odd('/CN=x', @names))->{san} }
is_deeply(san([ $dns, 'a.example, DNS:admin.example' ]), ['DNS:a.example\2C\20DNS:admin.example'], 'a comma inside a name does not make two of it');
is_deeply(san([ $dns, "a.example\r\nX-Other: evil" ]), ['DNS:a.example\0D\0AX-Other:\20evil'], 'nor does an end of line');
is_deeply(san([ $dns, "admin.example\0.evil.example" ]), ['DNS:admin.example\00.evil.example'], 'a zero byte does not end it');
is_deeply(san([ $dns, 'a\2Cb' ]), ['DNS:a\5C2Cb'], 'what looks like that is told from it');
is_deeply(san([ $mail, "\xc3\xa4\@b.example" ], [ $uri, 'https://a.example/?q="x"' ]), ['email:\C3\A4@b.example, URI:https://a.example/?q=\22x\22'], 'mail, URI, bytes beyond ASCII');
is_deeply(san([ $dir_name, "\x30\x00" ], [ $dns, 'a.example' ], [ 0x87, 'abc' ]), ['DNS:a.example'], 'kinds that have no text here leave no trace');
my $many = san(map { [ $dns, sprintf 'name%03d.example', $_ ] } 0 .. 299);
like($many->[0], qr/^DNS:name000\.example(?:, DNS:name\d{3}\.example)+\z/, 'of very many names those that there is room for, whole');
cmp_ok(length $many->[0], '<=', 2048, 'within a bound');

sub subject ($text) { return told('optional.example', cert => odd($text, [ $dns, 'x' ]))->{subject} }
is_deeply(subject('/CN=a,O=Admins'), ['CN=a\,O=Admins'], 'a comma in the subject');
is_deeply(subject("/CN=\xc3\xa4/O=x"), ['O=x,CN=\C3\A4'], 'bytes beyond ASCII');
unlike(subject("/CN=a\r\nX-Other: evil")->[0], qr/[^\x20-\x7e]/, 'an end of line');
my $long = told('optional.example', cert => odd('/O=' . join('/O=', ('x' x 60) x 60), [ $dns, 'x' ]));
is_deeply([ @$long{qw(verify subject)} ], [ ['ok'], undef ], 'a subject without end is left out, not cut');
like(($w->access(1))[0]{tls_version}, qr/^TLSv1\.3$/, 'the log has the version');
my ($line) = grep { ($_->{client_cert_subject} // '') =~ /Alice/ } $w->access;
is("$line->{client_cert_verify} $line->{client_cert_subject}", "ok $who{subject}[0]", 'and who it was');

done_testing;
