# Scripted upstreams: a process that listens and one process a connection, so
# that a script is plain sequential code.  What each connection received is
# kept in a file of its own before the script sees it.
package Weir::Upstream;

use v5.36;
use Digest::SHA ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_REUSEADDR SOMAXCONN SO_RCVBUF);
use Time::HiRes qw(time sleep);
use Weir::Stream;
our @ISA = ('Weir::Stream');

# Starts it; returns the pid of the listening process (leader of a group of its own).
sub start ($class, %o) {
    my $script = ref $o{script} eq 'CODE' ? $o{script} : $class->ready_made(@{ $o{script} });
    my $listen;
    if ($o{unix}) {
        unlink $o{unix};
        $listen = IO::Socket::UNIX->new(Local => $o{unix}, Listen => $o{backlog} // SOMAXCONN) or die "$o{unix}: $!";
        chmod 0777, $o{unix};
    }
    else {
        $listen = IO::Socket::INET->new(LocalAddr => $o{addr} // '127.0.0.1', LocalPort => $o{port}, Proto => 'tcp',
            ReuseAddr => 1, Listen => $o{backlog} // SOMAXCONN) or die "port $o{port}: $!";
        setsockopt $listen, SOL_SOCKET, SO_RCVBUF, $o{rcvbuf} if $o{rcvbuf};
    }
    mkdir $o{dir};
    my $parent = $$;
    my $pid = fork // die "fork: $!";
    if ($pid) { close $listen; return $pid }

    setpgrp 0, 0;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP QUIT);
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    my $n = 0;
    while (1) {
        my $sock = $listen->accept or next;
        my $number = ++$n;
        open my $tee, '>', sprintf '%s/%06d', $o{dir}, $number or POSIX::_exit(2);
        my $kid = fork // POSIX::_exit(2);
        if ($kid) { close $sock; next }
        $SIG{CHLD} = 'DEFAULT';
        close $listen;
        my $c = $class->new($sock, tee => $tee, tee_max => $o{record} // 4 << 20, timeout => $o{timeout} // 30,
            with => { number => $number, test_dir => $o{test_dir}, name => $o{name} });
        eval { $script->($c); 1 } or print STDERR "# upstream $o{name}: $@";
        $c->close;
        POSIX::_exit(0);
    }
}

# Which connection of this upstream it is, from 1.
sub number ($c) { $c->{number} }

# Waits until the test calls $w->open_gate(name).  False when it never did.
sub wait_gate ($c, $name, $seconds = $c->{timeout}) {
    my $until = time + $seconds;
    until (-e "$c->{test_dir}/gate.$name") {
        return 0 if time > $until;
        sleep 0.002;
    }
    return 1;
}

# A word to the test: $w->wait_note(qr/../), $w->notes.
sub note ($c, $text) {
    open my $fh, '>>', "$c->{test_dir}/notes" or return;
    syswrite $fh, "$c->{name} $c->{number} $text\n";
    return 1;
}

# Calls fn(c, request) for each request until the client ends or fn returns 'stop'.
sub each_request ($c, $fn) {
    while (my $m = $c->recv_request) { last if ($fn->($c, $m) // '') eq 'stop' }
    return;
}

sub _query ($m, $name, $preset = undef) { $m->{target} =~ /[?&]\Q$name\E=([^&]*)/ ? $1 : $preset }

my %ready = (
    # What was received, as JSON: conn, number (of the request on it), method, target, version, fields, head, body.
    echo => sub (%o) {
        sub ($c) {
            my $n = 0;
            $c->each_request(sub ($c, $m) {
                my $body = JSON::PP->new->canonical->latin1->encode({
                    conn => $c->number, number => ++$n, map { $_ => $m->{$_} } qw(method target version fields head body trailers ended)
                });
                $c->respond($o{status} // 200, $m->{method} eq 'HEAD' ? '' : $body, 'Content-Type' => 'application/json',
                    $m->{method} eq 'HEAD' ? ('Content-Length' => length $body) : (), @{ $o{fields} // [] });
            });
        }
    },
    # Always the same: status, body, fields; close => 1 ends the connection after it.
    fixed => sub (%o) {
        sub ($c) {
            $c->each_request(sub ($c, $m) {
                $c->respond($o{status} // 200, $m->{method} eq 'HEAD' ? '' : $o{body} // 'ok', @{ $o{fields} // [] });
                return $o{close} ? 'stop' : '';
            });
        }
    },
    # Bytes as they are after each request; close => 0 keeps the connection.
    raw => sub (%o) {
        sub ($c) {
            $c->each_request(sub ($c, $m) { $c->send($o{text}); return $o{close} // 1 ? 'stop' : '' });
        }
    },
    # A body of so many bytes (bytes => N, or ?bytes=N) of a pattern (Weir::pattern).
    sized => sub (%o) {
        sub ($c) {
            $c->each_request(sub ($c, $m) {
                my $n = _query($m, bytes => $o{bytes} // 1024);
                $c->send("HTTP/1.1 200 OK\r\nContent-Length: $n\r\n\r\n");
                my $block = Weir::pattern(65536);
                while ($n > 0) {
                    my $piece = $n < 65536 ? substr $block, 0, $n : $block;
                    last if $c->send($piece, timeout => 3600) < length $piece;
                    $n -= length $piece;
                }
            });
        }
    },
    # Answers after ms => N (or ?ms=N).
    slow => sub (%o) {
        sub ($c) {
            $c->each_request(sub ($c, $m) { sleep _query($m, ms => $o{ms} // 100) / 1000; $c->respond(200, 'slow') });
        }
    },
    # An event stream: n => events (or ?n=), ms => apart (or ?ms=); chunked.
    events => sub (%o) {
        sub ($c) {
            $c->each_request(sub ($c, $m) {
                my ($n, $ms) = (_query($m, n => $o{n} // 3), _query($m, ms => $o{ms} // 50));
                $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
                for my $i (1 .. $n) { $c->chunk("data: $i\n\n"); sleep $ms / 1000 if $i < $n }
                $c->send("0\r\n\r\n");
            });
        }
    },
    # Takes the upgrade and sends each frame's payload back; a close frame is answered and ends it.
    websocket => sub (%o) {
        sub ($c) {
            my $m = $c->recv_request or return;
            my $accept = Weir::Upstream::ws_accept($m->field('Sec-WebSocket-Key') // '');
            $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n");
            while (my ($op, $data, $more) = $c->recv_frame) {
                $c->send(Weir::Upstream::ws_frame($op, $data, more => $more));
                last if $op == 8;
            }
        }
    },
);

sub ready_made ($class, $kind, %o) { ($ready{$kind} // die "no ready-made upstream '$kind'\n")->(%o) }

# ---- WebSocket (RFC 6455), for both ends

sub ws_accept ($key) { MIME::Base64::encode_base64(Digest::SHA::sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'), '') }

# mask => 1: as a client must; more => 1: more of the message follows.
sub ws_frame ($op, $data, %o) {
    my $n = length $data;
    my $mask = $o{mask} ? 0x80 : 0;
    my $head = pack 'C', ($o{more} ? 0 : 0x80) | $op;
    $head .= $n < 126 ? pack('C', $mask | $n) : $n < 65536 ? pack('Cn', $mask | 126, $n) : pack('CQ>', $mask | 127, $n);
    return $head . $data unless $mask;
    my $key = "\x12\x34\x56\x78";
    return $head . $key . ($data ^. substr($key x (1 + $n / 4), 0, $n));
}

# The next frame: (opcode, payload, whether more of the message follow), or nothing.
sub Weir::Stream::recv_frame ($c, %o) {
    my ($b0, $b1) = unpack 'CC', $c->recv_n(2, %o) // return;
    my $n = $b1 & 0x7f;
    $n = unpack 'n', $c->recv_n(2, %o) // return if $n == 126;
    $n = unpack 'Q>', $c->recv_n(8, %o) // return if $n == 127;
    my $key = $b1 & 0x80 ? $c->recv_n(4, %o) // return : '';
    my $data = $n ? $c->recv_n($n, %o) // return : '';
    $data ^.= substr $key x (1 + $n / 4), 0, $n if length $key;
    return ($b0 & 0x0f, $data, !($b0 & 0x80));
}

1;
