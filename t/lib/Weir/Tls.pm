# Clients that speak TLS: openssl's s_client for what a handshake agrees on,
# python's ssl as a stream that is used like any other, scripts for it, and
# hellos and records made by hand for what no library would send.
#
#   my $said = s_client($port, servername => 'a.example', options => ['-tls1_2'], send => "GET / ...");
#   my $text = python($script, @arguments);
#   my $s = Weir::Tls::ask($w, 'https', args => ['-tls1_2'], name => 'a.example');
#   is($s->{status}, 200); is($s->{version}, 'TLSv1.2');
#   my $c = Weir::Tls::stream($w, 'https', name => 'a.example');
#   is($w->get('/', on => $c)->status, 200); is($c->facts->{alpn}, 'http/1.1'); is($c->end, 'close_notify');
#   is(Weir::Tls::alert(Weir::Tls::say($w, 'https', Weir::Tls::hello(suites => [5]))), 40);
package Weir::Tls;

use v5.36;
use Exporter 'import';
use IO::Handle;
use JSON::PP ();
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Weir;
use Weir::Stream;

our @EXPORT = qw(s_client python protocol_of suite_of reused serial_of body_of request);

# The system's own, where a script stands before it that looks for others.
sub _python3 () { -x '/usr/bin/python3' ? '/usr/bin/python3' : 'python3' }

# ------------------------------------------------------------------ programs

# A whole request that ends the connection behind it.
sub request ($host, $path = '/', @fields) {
    return join "\r\n", "GET $path HTTP/1.1", "Host: $host", 'Connection: close', @fields, '', '';
}

# What openssl s_client prints; it ends with the connection, or when what was sent is answered.
sub s_client ($port, %o) {
    my @words = ('s_client', '-connect', "127.0.0.1:$port", @{ $o{options} // [] });
    push @words, '-servername', $o{servername} if defined $o{servername};
    push @words, '-noservername' if !defined $o{servername};
    pipe(my $read, my $write) or die "pipe: $!";
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        CORE::close $write;
        open STDIN,  '<&', $read;
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec 'timeout', '10', 'openssl', @words, defined $o{send} ? '-ign_eof' : () }
        POSIX::_exit(127);
    }
    CORE::close $read;
    local $SIG{PIPE} = 'IGNORE';
    print {$write} $o{send} if defined $o{send};
    CORE::close $write;
    my $said = do { local $/; readline $out } // '';
    CORE::close $out;
    return $said;
}

sub protocol_of ($said) { $said =~ /^New, ([^,]+), Cipher is (?!\(NONE\))/m ? $1 : $said =~ /^Reused, ([^,]+),/m ? $1 : '' }
sub suite_of ($said) { $said =~ /^(?:New|Reused), [^,]+, Cipher is (\S+)/m && $1 ne '(NONE)' ? $1 : '' }
sub reused ($said) { $said =~ /^Reused, /m ? 1 : 0 }
# The serial number of the certificate that the server showed.
sub serial_of ($said) {
    my ($pem) = $said =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----)/s or return '';
    open my $in, '-|', 'sh', '-c', 'printf "%s\n" "$1" | openssl x509 -noout -serial -subject', 'x', $pem or die;
    my $text = do { local $/; readline $in };
    CORE::close $in;
    return $text =~ s/\n.*//sr;
}
# The body of the response in what s_client prints, by its length.
sub body_of ($said) {
    $said =~ /^HTTP\/1\.1 .*?^Content-Length: (\d+)\r\n.*?\r\n\r\n/ms or return '';
    return substr $said, $+[0], $1;
}

# Runs a script of python; what it printed.
sub python ($script, @arguments) {
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec 'timeout', '30', _python3(), '-c', $script, @arguments }
        POSIX::_exit(127);
    }
    my $said = do { local $/; readline $out } // '';
    CORE::close $out;
    return $said;
}

# ------------------------------------------------------------------ s_client, taken apart

# Runs openssl s_client against the port NAME and sends a request, by itself `GET /` with `Connection: close`.
# name => SNI ('' for none; localhost), args => [more words], in => TEXT, path => PATH, host => NAME, to => ADDRESS:PORT.
# A hash: text (all that it said), code; of what it said: version, cipher, group, type (of the certificate's key),
# reused, alert (a number), subject, alpn, asks (for a certificate), staple, status, body.
sub ask ($w, $port, %o) {
    my $name = $o{name} // 'localhost';
    my $in = $o{in} // $w->request_text($o{path} // '/', host => $o{host} // ($name || 'localhost'), close => 1);
    my @cmd = ('timeout', 20 * slow(), qw(openssl s_client -connect), $o{to} // '127.0.0.1:' . $w->port($port),
        length $name ? ('-servername', $name) : '-noservername', '-ign_eof', @{ $o{args} // [] });
    pipe my $read, my $write or die "pipe: $!";
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        CORE::close $write;
        open STDIN, '<&', $read;
        open STDERR, '>&', \*STDOUT;
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }
    CORE::close $read;
    { local $SIG{PIPE} = 'IGNORE'; syswrite $write, $in }
    # The request stands there before anybody is connected: when its end is seen does not matter to -ign_eof.
    CORE::close $write;
    my $text = do { local $/; readline $out } // '';
    CORE::close $out;
    return { _said($text), text => $text, code => $? >> 8 };
}

sub _said ($text) {
    my %s;
    # tickets of TLS 1.3 come when they come, inside the body too
    $text =~ s/^?---\nPost-Handshake New Session Ticket arrived:.*?\n---\nread R BLOCK\n//gs;
    @s{qw(reused version cipher)} = ($1 eq 'Reused' ? 1 : 0, $2, $3) if $text =~ /^(New|Reused), (\S+), Cipher is (\S+)/m;
    # the protocol of TLS 1.2 stands in the session alone: the other line has that of the suite
    $s{version} = $1 if $text =~ /^    Protocol  : (\S+)/m;
    $s{group} = $1 if $text =~ /^Server Temp Key: (?:ECDH, )?([^,\n]+)/m;
    $s{type} = $1 if $text =~ /^Peer signature type: (\S+)/m;
    $s{alert} = $1 if $text =~ /SSL alert number (\d+)/;
    $s{subject} = $1 if $text =~ /^subject=(.*)/m;
    $s{alpn} = $1 if $text =~ /^ALPN protocol: (\S+)/m;
    $s{asks} = $text =~ /^Acceptable client certificate CA names/m ? 1 : 0;
    $s{staple} = $1 if $text =~ /OCSP Response Status: (\w+)/;
    @s{qw(status body)} = ($1, $2) if $text =~ m{^HTTP/1\.1 (\d{3}).*?\r\n\r\n(.*?)(?:closed\n?|read:errno.*|[0-9A-F]+:error:.*)?\z}ms;
    return %s;
}

# ------------------------------------------------------------------ streams

our @ISA = ('Weir::Stream');

# A program at the other end of a Weir::Stream, with its standard output there too or what it says at descriptor 3.
sub _program ($w, $talks, $timeout, @cmd) {
    socketpair my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    pipe my $read, my $write or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(PIPE INT TERM HUP);
        POSIX::dup2(fileno $theirs, $_) for 0, $talks ? (1, 2) : ();
        POSIX::dup2(fileno $write, 3);
        POSIX::close($_) for 4 .. 63;    # nobody else's connections are held open by this one
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }
    CORE::close $_ for $theirs, $write;
    bless $mine, 'IO::Socket';
    my $c = Weir::Stream::new(__PACKAGE__, $mine, timeout => ($timeout // 10) * slow(), with => { said => $read, pid => $pid });
    push @{ $w->{streams} }, $c;
    return $c;
}

# A TLS connection to the port NAME as a Weir::Stream; options of t/lib/tls_stream.py, name => SNI ('localhost', undef
# for none).
sub stream ($w, $port, %o) {
    my $timeout = delete $o{timeout};
    my %args = (name => 'localhost', port => $w->port($port), %o);
    return _program($w, 0, $timeout, _python3(), 't/lib/tls_stream.py', JSON::PP->new->encode(\%args));
}

# s_client to be typed at: what it prints comes, commands (a line that is R or k) and requests go.
sub typed ($w, $port, @args) {
    return _program($w, 1, undef, qw(openssl s_client -servername localhost -connect), '127.0.0.1:' . $w->port($port), @args);
}

# Records of TLS 1.2 made by hand behind a good handshake, by t/lib/tls_records.py: steps are [TYPE, BYTES], to be sent as
# a record of that type; what came then, [TYPE, BYTES] each, and at last [END, ''].
sub records_by_hand ($w, $port, @steps) {
    my $steps = JSON::PP->new->encode([ map { [ $_->[0], unpack 'H*', $_->[1] ] } @steps ]);
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) { exec _python3(), 't/lib/tls_records.py', $w->port($port), $steps or POSIX::_exit(127) }
    my $said = do { local $/; readline $out };
    CORE::close $out;
    return map { [ $_->[0], pack 'H*', $_->[1] ] } @{ JSON::PP->new->decode($said) };
}

# The next line of facts; {} when there is none.
sub _fact ($c) {
    my $line = readline $c->{said} // return {};
    return JSON::PP->new->decode($line);
}

# What the handshake agreed on (version, cipher, alpn, der, compression), or { failed => WHY }.
sub facts ($c) {
    return $c->{facts} //= do {
        my $fact = $c->_fact;
        $c->{over} = $fact if exists $fact->{end};
        $fact->{open} // { failed => $fact->{end} // 'no word' };
    };
}

sub _over ($c) {
    $c->facts;
    return $c->{over} //= $c->_fact;
}

# How the server ended it, waiting for that: close_notify, eof, reset, or an error.
sub end ($c) {
    return $c->_over->{end} // 'no word';
}

# The records that came, [type, bytes], once it has ended.
sub records ($c) { @{ $c->_over->{records} // [] } }

sub close ($c) {
    $c->SUPER::close;
    if (my $pid = delete $c->{pid}) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    return;
}

sub DESTROY ($c) { local ($?, $!); $c->close }

# ------------------------------------------------------------------ by hand

sub _vector ($bits, $data) { pack($bits == 8 ? 'C' : $bits == 16 ? 'n' : 'xn', length $data) . $data }

# An extension.
sub extension ($type, $data) { pack('n', $type) . _vector(16, $data) }

# The data of server_name: raw => BYTES of the name's own.
sub server_name ($name) { _vector(16, "\0" . _vector(16, $name)) }

# A record with a ClientHello: suites => [NUMBERS], version => 0x0303, versions => [of supported_versions; none],
# name => BYTES of SNI, sni => the extension's data instead, compressions => [0], extensions => bytes of more.
sub hello (%o) {
    my $more = $o{extensions} // '';
    my $sni = $o{sni} // (defined $o{name} ? server_name($o{name}) : undef);
    $more .= extension(0, $sni) if defined $sni;
    $more .= extension(10, _vector(16, pack 'n*', 29, 23, 24, 25));
    $more .= extension(11, _vector(8, "\0"));
    $more .= extension(13, _vector(16, pack 'n*', 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201, 0x0203));
    $more .= extension(43, _vector(8, pack 'n*', @{ $o{versions} })) if $o{versions};
    my $body = pack('n', $o{version} // 0x0303) . 'r' x 32 . _vector(8, '') . _vector(16, pack 'n*', @{ $o{suites} // [ 0xc02b, 0xc02f ] })
        . _vector(8, pack 'C*', @{ $o{compressions} // [0] }) . _vector(16, $more);
    my $message = pack('CCn', 1, length($body) >> 16, length($body) & 0xffff) . $body;
    return join '', map { pack('Cn', 22, 0x0301) . _vector(16, $_) } unpack '(a16384)*', $message;
}

# Sends these bytes and returns what comes until there is a whole record, or the end.
sub say ($w, $port, $bytes) {
    my $c = $w->conn(port => $port) or return '';
    $c->send($bytes);
    my $got = '';
    until (length $got >= 5 && length $got >= 5 + unpack 'x3n', $got) {
        my $some = $c->recv_some;
        last unless length $some;
        $got .= $some;
    }
    $c->close;
    return $got;
}

# The records of an answer as [type, version, bytes].
sub records_of ($bytes) {
    my @found;
    while (length $bytes >= 5) {
        my ($type, $version, $n) = unpack 'Cnn', $bytes;
        push @found, [ $type, $version, substr $bytes, 5, $n ];
        substr $bytes, 0, 5 + $n < length $bytes ? 5 + $n : length $bytes, '';
    }
    return @found;
}

# The number of the plain alert in an answer, undef without one.
sub alert ($bytes) {
    my ($alert) = grep { $_->[0] == 21 } records_of($bytes);
    return $alert ? ord substr $alert->[2], 1 : undef;
}

# The suite of the ServerHello in an answer (TLS 1.2), and its extensions { number => data }; nothing without one.
sub answer ($bytes) {
    my ($record) = grep { $_->[0] == 22 } records_of($bytes) or return;
    my $body = substr $record->[2], 4;
    my $at = 34;
    $at += 1 + ord substr $body, $at, 1;
    my ($suite, $compression) = unpack 'nC', substr $body, $at;
    my ($n) = unpack 'n', substr $body, $at + 3, 2;
    my $rest = substr $body, $at + 5, $n;
    my %extensions;
    while (length $rest >= 4) {
        my ($type, $bytes) = unpack 'nn', $rest;
        $extensions{$type} = substr $rest, 4, $bytes;
        substr $rest, 0, 4 + $bytes, '';
    }
    return { version => unpack('n', $body), suite => $suite, compression => $compression, extensions => \%extensions };
}

1;
