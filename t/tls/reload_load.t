# Reloads and new certificates under load: clients that keep connections and
# clients that begin anew each time lose no request.
use v5.36;
use JSON::PP;
use Test::More;
use Time::HiRes 'sleep';
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'fixed' }, conf => <<'INI');
[weir]
workers = 2
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $dir = $w->dir;
Weir::Certs::make($dir);
$w->start;

my $seconds = scale(4, 30);
my $script = <<'PY';
import json, socket, ssl, sys, threading, time
port, seconds = int(sys.argv[1]), float(sys.argv[2])
until = time.monotonic() + seconds
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
c.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
good, resumed, dialled, closed, failures = [0], [0], [0], [0], []

class Ended(Exception):
    pass

def dial(session=None):
    s = c.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost", session=session, suppress_ragged_eofs=False)
    dialled[0] += 1
    resumed[0] += bool(s.session_reused)
    return s

# Whether the connection goes on.  One that was used may end between two requests, cleanly and before a byte of the answer.
def ask(s, used, close):
    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (b"Connection: close\r\n" if close else b""))
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < 2:
        b = s.recv(4096)
        if not b:
            raise OSError("ended in the answer: %r" % answer[-60:])
        answer += b
    if not answer.startswith(b"HTTP/1.1 200"):
        raise OSError("answer %r" % answer[:60])
    good[0] += 1
    return b"Connection: close" not in answer

def keeper():
    s, used = None, False
    while time.monotonic() < until:
        try:
            if s is None:
                s, used = dial(), False
            goes_on = ask(s, used, False)
            used = True
            if not goes_on:
                closed[0] += 1
                if s.recv(1):
                    raise OSError("more behind the last answer")
                s.close()
                s = None
        except OSError as e:
            failures.append("kept, used=%s: %s" % (used, e))
            s = None
        time.sleep(0.002)

def beginner():
    session = None
    while time.monotonic() < until:
        try:
            s = dial(session)
            ask(s, False, True)
            session = s.session
            if s.recv(1):
                raise OSError("more behind the last answer")
            s.close()
        except OSError as e:
            failures.append("new: %s" % e)
        time.sleep(0.005)

threads = [threading.Thread(target=t) for t in [keeper] * 4 + [beginner] * 3]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps(dict(good=good[0], resumed=resumed[0], dialled=dialled[0], closed=closed[0], failures=failures[:10], failed=len(failures))))
PY
my $pid = open(my $storm, '-|') // die "fork: $!";
if (!$pid) {
    print Weir::Tls::python($script, $w->port('https'), $seconds * slow());
    close STDOUT;
    POSIX::_exit(0);
}
my $reloads = 0;
for my $n (1 .. scale(4, 20)) {
    sleep 0.6 * slow();
    if ($n % 2) { Weir::Certs::make($dir, subject => "/CN=number $n") }
    else { $reloads++ if $w->reload == 0 }
}
my $r = eval { decode_json(do { local $/; readline $storm } // '') } // {};
close $storm;
note(explain $r);
is($reloads, scale(2, 10), 'reloads');
is($r->{failed}, 0, "no request of @{[ $r->{good} // 0 ]} failed") or diag(explain $r->{failures});
cmp_ok($r->{good} // 0, '>', 300, 'there were some');
cmp_ok($r->{resumed} // 0, '>', 50, 'many connections went on with a session');
cmp_ok($r->{closed} // 0, '>=', 4, 'kept connections were ended behind an answer');
# A key whose certificate is long in coming, on a busy machine, is told.
is(scalar(grep { /^\S+ error / && !/do not belong together; the old one stays in effect/ } split /\n/, $w->error_log), 0, 'no error line');
my $end = $w->ended_requests;
is(scalar(grep { $_->{reason} ne '' } $w->access), 0, 'no request with a fault in the log');

done_testing;
