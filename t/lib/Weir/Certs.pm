# Certificates for tests, by the openssl program: signed by themselves or by an
# authority, with intermediates, expired or not yet valid, for servers and for
# clients.  Everything stands in a directory of the caller's; keys are 0600;
# files that are there already are replaced in one step.
#
#   my ($cert, $key) = Weir::Certs::make($dir, hosts => ['a.example', '*.a.example', '127.0.0.1']);
#   my $root = Weir::Certs::ca($dir);
#   my $sub  = Weir::Certs::ca($dir, name => 'sub', ca => $root);
#   my ($cert, $key) = Weir::Certs::make($dir, name => 'b', hosts => ['b.example'], ca => $sub, type => 'rsa');
#   my ($cert, $key) = Weir::Certs::client($dir, name => 'alice', ca => $root);
#   my $crl = Weir::Certs::crl($root, $cert);    # revoked: that one
#
# Options of all that make one:
#   name    => file names: NAME.pem, NAME.key ('cert', 'client', 'ca')
#   type    => 'ec' (P-256, the preset) or 'rsa' (2048)
#   key     => PATH: no new key, this one (and no copy of it)
#   days    => the last day of validity from now: 30; -1 expired yesterday
#   from    => the first: -1, or the day before the last
#   subject => '/O=Weir/CN=x' (the first host or the name)
#   ca      => what ca() returned; none: signed by itself
# Of make and client: chain => 0 leaves the intermediates out of the file.
package Weir::Certs;

use v5.36;
use Carp ();
use Fcntl qw(O_CREAT O_EXCL O_RDWR);
use MIME::Base64 ();
use POSIX ();

my $made = 0;    # for names of files on their way

# ------------------------------------------------------------------ openssl

# Runs openssl with these words; what it printed.  Dies with that when it fails.
sub openssl (@words) {
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null';
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec 'openssl', @words }
        print "cannot run openssl: $!\n";
        POSIX::_exit(127);
    }
    my $said = do { local $/; readline $out } // '';
    close $out or Carp::croak("openssl @words: exit " . ($? >> 8) . "\n$said");
    return $said;
}

sub _slurp ($path) {
    open my $fh, '<:raw', $path or Carp::croak("$path: $!");
    local $/;
    return readline $fh;
}

# A file that is whole whenever somebody looks.
sub _write ($path, $text, $mode = 0644) {
    my $aside = sprintf '%s.%d.%d', $path, $$, ++$made;
    sysopen my $fh, $aside, O_RDWR | O_CREAT | O_EXCL, $mode or Carp::croak("$aside: $!");
    print $fh $text;
    close $fh or Carp::croak("$aside: $!");
    rename $aside, $path or Carp::croak("$path: $!");
    return $path;
}

# ------------------------------------------------------------------ pieces

sub _new_key ($path, $type) {
    my @how = $type eq 'rsa' ? qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
        : $type eq 'ec' ? qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve)
        :                 Carp::croak("no type of key: $type");
    my $pem = openssl('genpkey', '-quiet', @how) =~ s/\A.*?(?=-----BEGIN)//sr;
    return _write($path, $pem, 0600);
}

sub _alt_names (@hosts) {
    return join ',', map { /^[\d.]+$|:/ ? "IP:" . tr/[]//dr : "DNS:$_" } @hosts;
}

sub _extensions ($kind, $o) {
    return (<<"END") if $kind eq 'ca';
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
END
    my $text = "basicConstraints = critical,CA:FALSE\nsubjectKeyIdentifier = hash\n";
    $text .= "authorityKeyIdentifier = keyid\n" if $o->{ca};
    $text .= "keyUsage = critical,digitalSignature\nextendedKeyUsage = ${kind}Auth\n";
    $text .= 'subjectAltName = ' . _alt_names(@{ $o->{hosts} }) . "\n" if @{ $o->{hosts} // [] };
    return $text;
}

# What `openssl ca` works with: a list of what was signed, and a configuration.
sub _books ($dir, $extensions = '') {
    mkdir $dir, 0700;
    _write("$dir/index.txt", '') unless -e "$dir/index.txt";
    my $any = join '', map { "$_ = optional\n" }
        qw(countryName stateOrProvinceName localityName organizationName organizationalUnitName commonName emailAddress);
    return _write("$dir/ca.conf", <<"END");
[ca]
default_ca = books
[books]
database = $dir/index.txt
new_certs_dir = $dir
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
email_in_dn = yes
copy_extensions = none
[any]
$any
[extensions]
$extensions
END
}

sub _time ($days) { POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time + $days * 86400)) }

# Makes one of that kind: ca, server or client; its PEM.
sub _sign ($dir, $name, $kind, $key, $o) {
    my $until = $o->{days} // 30;
    my $from = $o->{from} // ($until > 0 ? -1 : $until - 1);
    my $ca = $o->{ca};
    my $books = $ca ? $ca->{books} : "$dir/$name.books";
    my $conf = _books($books, _extensions($kind, $o));
    my $request = "$books/request." . ++$made;
    my $signed = "$books/signed.$made";
    my $subject = $o->{subject} // '/CN=' . ($o->{hosts}[0] // $name);
    openssl('req', '-new', '-config', $conf, '-key', $key, '-subj', $subject, '-out', $request);
    openssl(
        'ca', '-batch', '-notext', '-config', $conf, '-extensions', 'extensions', '-in', $request, '-out', $signed,
        '-startdate', _time($from), '-enddate', _time($until),
        $ca ? ('-cert', $ca->{cert}, '-keyfile', $ca->{key}) : ('-selfsign', '-keyfile', $key)
    );
    my $pem = _slurp($signed) =~ s/\A.*?(?=-----BEGIN)//sr;
    unlink $request, $signed;
    return $pem;
}

sub _make ($dir, $kind, $o) {
    my $name = $o->{name};
    my $key = $o->{key} // _new_key("$dir/$name.key", $o->{type} // 'ec');
    my $pem = _sign($dir, $name, $kind, $key, $o);
    $pem .= join '', @{ $o->{ca}{chain} } if $o->{ca} && ($o->{chain} // 1);
    return (_write("$dir/$name.pem", $pem), $key);
}

# ------------------------------------------------------------------ what tests call

# A server's certificate (hosts => names and addresses) and its key: (PATH, PATH).
sub make ($dir, %o) { _make($dir, 'server', { name => 'cert', hosts => ['localhost'], %o }) }

# A client's, likewise; hosts => [..] when it is to have names besides its subject.
sub client ($dir, %o) { _make($dir, 'client', { name => 'client', %o }) }

# An authority, of its own or (ca => $above) an intermediate one: { cert, key, ... } with paths; for `ca`.
sub ca ($dir, %o) {
    my $above = $o{ca};
    my $name = $o{name} // 'ca';
    my ($cert, $key) = _make($dir, 'ca', { name => $name, subject => "/O=Weir tests/CN=$name", %o, chain => 0 });
    # what has to stand behind a certificate that it signs: itself and those above, but for the root
    my @chain = $above ? (_slurp($cert), @{ $above->{chain} }) : ();
    return { cert => $cert, key => $key, books => "$dir/$name.books", dir => $dir, name => $name, chain => \@chain };
}

# Revokes these certificates (paths) too and writes the authority's list; its path.
sub crl ($ca, @certs) {
    my $conf = _books($ca->{books});
    my @by = ('-batch', '-config', $conf, '-cert', $ca->{cert}, '-keyfile', $ca->{key});
    openssl('ca', @by, '-revoke', $_) for @certs;
    my $pem = openssl('ca', @by, '-gencrl', '-crldays', 30) =~ s/\A.*?(?=-----BEGIN)//sr;
    return _write("$ca->{dir}/$ca->{name}.crl", $pem);
}

# n certificates at once for %04d in the name, as [HOST, CERT, KEY]: copies of one with one key, in which the name is
# another.  Their signatures are wrong, which only those see who verify them.
sub copies ($dir, %o) {
    my $host = $o{host} // 'h%04d.example';
    my $name = $o{name} // 'copy';
    my $first = sprintf $host, 0;
    my ($cert, $key) = make($dir, name => $name, hosts => [$first], %o{ grep { exists $o{$_} } qw(type days) });
    my $der = MIME::Base64::decode_base64(_slurp($cert) =~ s/-----[^\n]*-----\n//gr);
    my @made;
    for my $i (0 .. $o{n} - 1) {
        my $own = sprintf $host, $i;
        Carp::croak("$own is not as long as $first") if length $own != length $first;
        my $pem = MIME::Base64::encode_base64($der =~ s/\Q$first/$own/gr);
        my $path = _write("$dir/$name-$i.pem", "-----BEGIN CERTIFICATE-----\n$pem-----END CERTIFICATE-----\n");
        push @made, [$own, $path, $key];
    }
    return @made;
}

# What a certificate says of itself: { serial, fingerprint, subject, issuer, not_after }; fingerprint of SHA-256 in
# lower case without colons, names as RFC 2253 has them.
sub facts ($cert) {
    my %f = openssl(qw(x509 -noout -serial -fingerprint -sha256 -subject -issuer -enddate -nameopt RFC2253 -in), $cert)
        =~ /^(\w[\w ]*?) ?= ?(.*)$/mg;
    my ($print) = map { $f{$_} } grep { /fingerprint$/i } keys %f;
    return {
        serial => $f{serial}, subject => $f{subject}, issuer => $f{issuer}, not_after => $f{notAfter},
        fingerprint => lc $print =~ tr/://dr,
    };
}

1;
