# One end of a byte stream that speaks HTTP/1.1 in a test: a client of weir or
# an upstream behind it.  It believes nothing: framing is checked by the letter
# and how a message ended is told apart (clean, short, reset, timeout, garbled).
package Weir::Stream;

use v5.36;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Handle;
use Socket qw(SOL_SOCKET SO_LINGER SHUT_WR IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);
use Weir::Message;

sub new ($class, $sock, %o) {
    my $self = bless {
        sock    => $sock,
        in      => '',
        ended   => '',                      # 'fin' or 'rst' once seen
        timeout => $o{timeout} // 10,
        tee     => $o{tee},                 # file handle that gets all that is received
        tee_max => $o{tee_max} // 4 << 20,
        got     => 0,                       # bytes received in all
        %{ $o{with} // {} },
    }, $class;
    $sock->blocking(0);
    setsockopt $sock, IPPROTO_TCP, TCP_NODELAY, 1;    # fails on a unix socket, which needs it not
    return $self;
}

sub sock ($self) { $self->{sock} }

# Waits for the socket; true when it is ready before the time is over.
sub _wait ($self, $for, $until) {
    my $fd = fileno $self->{sock} // return 0;
    while (1) {
        my $left = $until - time;
        $left = 0 if $left < 0;
        my $bits = '';
        vec($bits, $fd, 1) = 1;
        my ($r, $w) = $for eq 'r' ? ($bits, undef) : (undef, $bits);
        my $n = select $r, $w, undef, $left;
        return 1 if $n > 0;
        next if $n < 0 && $! == EINTR;
        return 0 if $left == 0 || $n < 0;
    }
}

# Sends all of it; returns the number of bytes that the socket took (less when the peer is gone or time over).
sub send ($self, $data, %o) {
    local $SIG{PIPE} = 'IGNORE';
    my $until = time + ($o{timeout} // $self->{timeout});
    my $done = 0;
    while ($done < length $data) {
        my $n = syswrite $self->{sock}, $data, length($data) - $done, $done;
        if (defined $n) { $done += $n; next }
        next if $! == EINTR;
        if ($! == EAGAIN || $! == EWOULDBLOCK) {
            last unless $self->_wait('w', $until);
            next;
        }
        $self->{send_error} = "$!";
        last;
    }
    return $done;
}

# Sends it byte by byte (or piece by piece), each on its own.
sub drip ($self, $data, $piece = 1) {
    $self->send($_) for unpack "(a$piece)*", $data;
    return $self;
}

# Reads once.  1: bytes came; 0: end, reset or time over.
sub fill ($self, $until = undef, $most = 65536) {
    return 0 if $self->{ended};
    $until //= time + $self->{timeout};
    while (1) {
        my $n = sysread($self->{sock}, my $buf, $most);
        if ($n) {
            $self->{in} .= $buf;
            if ($self->{tee} && $self->{got} < $self->{tee_max}) { syswrite $self->{tee}, $buf }
            $self->{got} += $n;
            return 1;
        }
        if (defined $n) { $self->{ended} = 'fin'; return 0 }
        next if $! == EINTR;
        if ($! == EAGAIN || $! == EWOULDBLOCK) {
            return 0 unless $self->_wait('r', $until);
            next;
        }
        $self->{ended} = 'rst';
        return 0;
    }
}

sub _until ($self, %o) { time + ($o{timeout} // $self->{timeout}) }

# How the last thing that did not come ended.
sub _why ($self) { $self->{ended} eq 'fin' ? 'short' : $self->{ended} eq 'rst' ? 'rst' : 'timeout' }

# The next n bytes, or undef.
sub recv_n ($self, $n, %o) {
    my $until = $self->_until(%o);
    while (length $self->{in} < $n) { $self->fill($until) or return undef }
    return substr $self->{in}, 0, $n, '';
}

# The next line with its end, or undef.
sub recv_line ($self, %o) {
    my $until = $self->_until(%o);
    my $at;
    while (($at = index $self->{in}, "\n") < 0) { $self->fill($until) or return undef }
    return substr $self->{in}, 0, $at + 1, '';
}

# Everything up to and with the text, or undef.
sub recv_to ($self, $text, %o) {
    my $until = $self->_until(%o);
    my $at;
    while (($at = index $self->{in}, $text) < 0) { $self->fill($until) or return undef }
    return substr $self->{in}, 0, $at + length $text, '';
}

# A head up to and with its empty line, as it came, or undef.
sub recv_head ($self, %o) { $self->recv_to("\r\n\r\n", %o) }
*read_head = \&recv_head;

# Whatever is there or comes first; '' at the end or when time is over.
sub recv_some ($self, %o) {
    $self->fill($self->_until(%o)) unless length $self->{in};
    my $got = $self->{in};
    $self->{in} = '';
    return $got;
}

# All that comes until the end or until time is over.
sub recv_until_close ($self, %o) {
    my $until = $self->_until(%o);
    1 while $self->fill($until);
    my $got = $self->{in};
    $self->{in} = '';
    return $got;
}

# Reads and drops until n bytes have gone by or the end; returns how many.
sub discard ($self, $n = undef, %o) {
    my $until = $self->_until(%o);
    my $sum = 0;
    while (!defined $n || $sum < $n) {
        if (!length $self->{in}) { $self->fill($until, 1 << 20) or last }
        my $take = defined $n && $n - $sum < length $self->{in} ? $n - $sum : length $self->{in};
        substr $self->{in}, 0, $take, '';
        $sum += $take;
    }
    return $sum;
}

# 'fin' or 'rst' if the peer has ended the stream (waiting for it up to timeout), '' if it is open.
# Bytes that came before the end stay to be read.
sub closed ($self, %o) {
    my $until = $self->_until(timeout => $o{timeout} // 0);
    1 while !$self->{ended} && $self->fill($until);
    return $self->{ended};
}

# True if nothing is there to read (nor an end) within the time.
sub silent ($self, $seconds) {
    return 0 if length $self->{in};
    return !$self->fill(time + $seconds) && !$self->{ended};
}

# Reads a body with that framing ('none', 'length', 'chunked', 'close') into the message.
sub _recv_body ($self, $m, $framing, $length, $until) {
    $m->{framing} = $framing;
    $m->{body} //= '';
    $m->{ended} = 'clean';
    if ($framing eq 'length') {
        while (length $self->{in} < $length) { $self->fill($until) or last }
        $m->{body} = substr $self->{in}, 0, $length, '';
        $m->{ended} = $self->_why if length $m->{body} < $length;
    }
    elsif ($framing eq 'close') {
        1 while $self->fill($until);
        $m->{body} = $self->{in};
        $self->{in} = '';
        $m->{ended} = $self->{ended} eq 'fin' ? 'clean' : $self->_why;
    }
    elsif ($framing eq 'chunked') { $self->_recv_chunked($m, $until) }
    return $m;
}

sub _recv_chunked ($self, $m, $until) {
    $m->{chunks} = [];
    while (1) {
        my $line = $self->recv_line(timeout => $until - time);
        if (!defined $line) { $m->{ended} = $self->_why; return }
        if ($line !~ /^([0-9A-Fa-f]{1,16})((?:[ \t]*;[^\r\n]*)?)\r\n\z/) { $m->{ended} = 'garbled'; $m->{garbled} = $line; return }
        my ($size, $extension) = ($1, $2);
        my $n = hex $size;
        push @{ $m->{extensions} }, $extension if length $extension;
        last if $n == 0;
        while (length $self->{in} < $n) { $self->fill($until) or last }
        my $piece = substr $self->{in}, 0, $n, '';
        $m->{body} .= $piece;
        if (length $piece < $n) { $m->{ended} = $self->_why; return }
        push @{ $m->{chunks} }, $n;
        my $end = $self->recv_n(2, timeout => $until - time);
        if (!defined $end) { $m->{ended} = $self->_why; return }
        if ($end ne "\r\n") { $m->{ended} = 'garbled'; $m->{garbled} = $end; return }
    }
    my $trailers = '';
    while (1) {
        my $line = $self->recv_line(timeout => $until - time);
        if (!defined $line) { $m->{ended} = $self->_why; return }
        last if $line eq "\r\n";
        $trailers .= $line;
    }
    $m->{trailers} = Weir::Message::parse_fields($trailers);
}

# A response with everything that belongs to it, or undef when not even its head comes (then $c->closed
# tells why).  1xx but 101 are collected in $r->informs.  method => 'HEAD': no body follows.
# head_only => 1: leaves the body in the stream.
sub recv_response ($self, %o) {
    my $until = $self->_until(%o);
    my @informs;
    while (1) {
        my $head = $self->recv_head(timeout => $until - time) // return undef;
        my $m = Weir::Message->parse_response($head);
        if ($m->{status} =~ /^1(?!01)/) { push @informs, $m; next }
        $m->{informs} = \@informs;
        return $m if $o{head_only};
        return $self->_recv_body($m, $m->response_framing($o{method} // 'GET'), $until);
    }
}

# The rest of a response that was asked for with head_only.
sub recv_body_of ($self, $m, %o) {
    return $self->_recv_body($m, $m->response_framing($o{method} // 'GET'), $self->_until(%o));
}

# A request with its body, or undef.  A client that expects 100-continue gets it.
# head_only => 1: leaves the body in the stream, and says nothing.
sub recv_request ($self, %o) {
    my $until = $self->_until(%o);
    my $head = $self->recv_head(timeout => $until - time) // return undef;
    my $m = Weir::Message->parse_request($head);
    return $m if $o{head_only};
    $self->send("HTTP/1.1 100 Continue\r\n\r\n") if grep { $_ eq '100-continue' } $m->list('Expect');
    return $self->_recv_body($m, $m->request_framing, $until);
}
*request = \&recv_request;

# The body that a request head announces, as bytes (undef when it was cut).
sub read_body ($self, $head, %o) {
    my $m = ref $head ? $head : Weir::Message->parse_request($head);
    $self->_recv_body($m, $m->request_framing, $self->_until(%o));
    return $m->{ended} eq 'clean' ? $m->{body} : undef;
}

# As a server: a whole response.  Content-Length is added unless fields name a framing.
sub respond ($self, $status, $body = '', @fields) {
    my $m = Weir::Message::phrase($status);
    my $head = "HTTP/1.1 $status $m\r\n";
    my $framed = $status =~ /^(?:1..|204|304)$/;
    while (my ($name, $value) = splice @fields, 0, 2) {
        $framed = 1 if $name =~ /^(?:content-length|transfer-encoding)$/i;
        $head .= "$name: $value\r\n";
    }
    $head .= "Content-Length: " . length($body) . "\r\n" unless $framed;
    return $self->send("$head\r\n$body");
}

sub chunk ($self, $data) { $self->send(sprintf("%x\r\n", length $data) . "$data\r\n") }

sub shutdown_write ($self) { shutdown $self->{sock}, SHUT_WR; return $self }

sub close ($self) {
    CORE::close $self->{sock} if $self->{sock} && defined fileno $self->{sock};
    $self->{ended} ||= 'self';
    return;
}

# Ends with a RST.
sub reset ($self) {
    setsockopt $self->{sock}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    return $self->close;
}

1;
