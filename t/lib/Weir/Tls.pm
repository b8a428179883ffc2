# Clients of TLS for tests: openssl s_client, and scripts for python's ssl.
#
#   my $said = s_client($port, servername => 'a.example', options => ['-tls1_2'], send => "GET / ...");
#   my $text = python($script, @arguments);
package Weir::Tls;

use v5.36;
use Exporter 'import';
use POSIX ();

our @EXPORT = qw(s_client python protocol_of suite_of reused serial_of body_of request);

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
        close $write;
        open STDIN,  '<&', $read;
        open STDERR, '>&', \*STDOUT;
        { no warnings 'exec'; exec 'timeout', '10', 'openssl', @words, defined $o{send} ? '-ign_eof' : () }
        POSIX::_exit(127);
    }
    close $read;
    local $SIG{PIPE} = 'IGNORE';
    print {$write} $o{send} if defined $o{send};
    close $write;
    my $said = do { local $/; readline $out } // '';
    close $out;
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
    close $in;
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
        { no warnings 'exec'; exec 'timeout', '30', 'python3', '-c', $script, @arguments }
        POSIX::_exit(127);
    }
    my $said = do { local $/; readline $out } // '';
    close $out;
    return $said;
}

1;
