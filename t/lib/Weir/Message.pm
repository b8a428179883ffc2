# A message of HTTP/1.1 taken apart: an independent reading for the tests.
package Weir::Message;

use v5.36;

my %phrase = (
    100 => 'Continue', 101 => 'Switching Protocols', 102 => 'Processing', 103 => 'Early Hints', 200 => 'OK',
    204 => 'No Content', 206 => 'Partial Content', 301 => 'Moved Permanently', 304 => 'Not Modified',
    400 => 'Bad Request', 404 => 'Not Found', 413 => 'Content Too Large', 500 => 'Internal Server Error',
    503 => 'Service Unavailable',
);
sub phrase ($status) { $phrase{$status} // 'Status' }

# [[name, value], ...]; a line that is no field is ['', line].
sub parse_fields ($text) {
    my @fields;
    for my $line (split /\r\n/, $text) {
        push @fields, $line =~ /^([!#\$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*\z/s ? [ $1, $2 ] : [ '', $line ];
    }
    return \@fields;
}

sub parse_response ($class, $head) {
    my ($line, $rest) = $head =~ /^(.*?)\r\n(.*?)(?:\r\n)?\z/s;
    my $m = bless { head => $head, line => $line // $head, fields => parse_fields($rest // ''), status => '' }, $class;
    @$m{qw(version status reason)} = ($1, $2, $3) if ($line // '') =~ m{^HTTP/(\d\.\d) (\d{3}) ?(.*)\z}s;
    return $m;
}

sub parse_request ($class, $head) {
    my ($line, $rest) = $head =~ /^(.*?)\r\n(.*?)(?:\r\n)?\z/s;
    my $m = bless { head => $head, line => $line // $head, fields => parse_fields($rest // '') }, $class;
    @$m{qw(method target version)} = ($1, $2, $3) if ($line // '') =~ m{^(\S+) (\S+) HTTP/(\d\.\d)\z};
    return $m;
}

# Requests in a stream of bytes; the last may be cut (ended ne 'clean').
sub parse_requests ($class, $bytes) {
    my @found;
    while (length $bytes) {
        my $at = index $bytes, "\r\n\r\n";
        if ($at < 0) { push @found, bless { head => $bytes, line => $bytes, fields => [], body => '', ended => 'short', raw => $bytes }, $class; last }
        my $all = $bytes;
        my $m = $class->parse_request(substr $bytes, 0, $at + 4, '');
        push @found, $m;
        my ($framing, $length) = $m->request_framing;
        $m->{framing} = $framing;
        $m->{body} = '';
        $m->{ended} = 'clean';
        if ($framing eq 'length') {
            $m->{body} = substr $bytes, 0, $length, '';
            $m->{ended} = 'short' if length $m->{body} < $length;
        }
        elsif ($framing eq 'chunked') {
            while (1) {
                if ($bytes !~ s/^([0-9A-Fa-f]+)(?:;[^\r\n]*)?\r\n//) { $m->{ended} = length $bytes ? 'garbled' : 'short'; last }
                my $n = hex $1;
                if ($n == 0) {
                    if ($bytes =~ s/^((?:[^\r\n]+\r\n)*)\r\n//) { $m->{trailers} = parse_fields($1) }
                    else { $m->{ended} = 'short' }
                    last;
                }
                my $piece = substr $bytes, 0, $n, '';
                $m->{body} .= $piece;
                if (length $piece < $n || $bytes !~ s/^\r\n//) { $m->{ended} = length $bytes ? 'garbled' : 'short'; last }
            }
        }
        $m->{raw} = substr $all, 0, length($all) - length $bytes;
        last if $m->{ended} ne 'clean';
    }
    return @found;
}

# Values of all fields of that name, in order.
sub all ($m, $name) { map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $m->{fields} } }
# The first, or undef.
sub field ($m, $name) { ($m->all($name))[0] }
sub has ($m, $name) { !!grep { lc $_->[0] eq lc $name } @{ $m->{fields} } }
sub trailer ($m, $name) { (map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $m->{trailers} // [] })[0] }
# Elements of a list-valued field, lower case.
sub list ($m, $name) { map { lc } map { split /\s*,\s*/ } $m->all($name) }

sub status ($m)  { $m->{status} }
sub reason ($m)  { $m->{reason} }
sub version ($m) { $m->{version} }
sub method ($m)  { $m->{method} }
sub target ($m)  { $m->{target} }
sub head ($m)    { $m->{head} }
sub body ($m)    { $m->{body} }
sub informs ($m) { @{ $m->{informs} // [] } }
sub framing ($m) { $m->{framing} }
# 'clean', 'short' (FIN too early), 'rst', 'timeout', 'garbled'.
sub ended ($m) { $m->{ended} }
sub clean ($m) { ($m->{ended} // '') eq 'clean' }
# Whether the sender will close after it.
sub closes ($m) {
    my %c = map { $_ => 1 } $m->list('connection');
    return $m->{version} eq '1.0' ? !$c{'keep-alive'} : !!$c{close};
}

# (framing, length) by RFC 9112 6.3.
sub response_framing ($m, $method) {
    return ('none', 0) if uc $method eq 'HEAD' || $m->{status} =~ /^(?:1..|204|304)$/;
    return ('none', 0) if uc $method eq 'CONNECT' && $m->{status} =~ /^2/;
    if ($m->has('transfer-encoding')) {
        return (($m->list('transfer-encoding'))[-1] eq 'chunked' ? 'chunked' : 'close', 0);
    }
    return ('length', $m->field('content-length')) if $m->has('content-length');
    return ('close', 0);
}

sub request_framing ($m) {
    return ('chunked', 0) if $m->has('transfer-encoding');
    return ('length', $m->field('content-length')) if $m->has('content-length');
    return ('none', 0);
}

1;
