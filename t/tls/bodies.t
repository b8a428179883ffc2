# Bytes through TLS: large ones both ways, many requests on a connection, a
# slow reader, and how a connection ends.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my @pair = Weir::Certs::make($dir);
$w->origin('app');
$w->configure(<<"INI");
[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
/* = 127.0.0.1:\@UPSTREAM:app\@
INI
$w->start;
my $port = $w->port;
my @curl = ('-k', '--http1.1');
my $big = 10 * 1024 * 1024;

for my $version ('1.2', '1.3') {
    my @v = (@curl, '--tls-max', $version, '--tlsv1.2');
    is($w->curl(@v, '-o', '/dev/null', '-w', '%{size_download}', "https://localhost:$port/big?bytes=$big"), $big, "TLS $version: 10 MiB down");
    $w->write_file('up', pattern($big)) if !-e "$dir/up";
    is($w->curl(@v, '--data-binary', "\@$dir/up", '-o', '/dev/null', '-w', '%{http_code}', "https://localhost:$port/post"), 200, "TLS $version: 10 MiB up");
    is($w->curl(@v, '-H', 'Transfer-Encoding: chunked', '--data-binary', "\@$dir/up", '-o', '/dev/null', '-w', '%{http_code}', "https://localhost:$port/post"),
        200, "TLS $version: in chunks");
}
my $many = $w->curl(@curl, '-w', "%{http_code} %{num_connects}\n", map { ('-o', '/dev/null', "https://localhost:$port/1k") } 1 .. 100);
is(scalar(() = $many =~ /^200 /mg), 100, 'a hundred requests');
is(scalar(() = $many =~ /^200 1$/mg), 1, '... on one connection');

my $script = <<'PY';
import hashlib, socket, ssl, sys, time
port, what = int(sys.argv[1]), sys.argv[2]
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
def dial(rcvbuf=0):
    s = socket.socket()
    if rcvbuf: s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.connect(('127.0.0.1', port))
    return c.wrap_socket(s, server_hostname='localhost', suppress_ragged_eofs=False)
def ask(path, *more): return ('GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n' % (path, ''.join(m + '\r\n' for m in more))).encode()
def everything(s):
    out = b''
    while True:
        b = s.recv(65536)
        if not b: return out
        out += b
if what == 'end':
    s = dial(); s.sendall(ask('/1k', 'Connection: close'))
    print('clean', len(everything(s)) > 1024)
elif what == 'half':
    # our close_notify behind a whole request: the answer comes all the same
    i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = c.wrap_bio(i, o, server_hostname='localhost')
    s = socket.create_connection(('127.0.0.1', port))
    while True:
        try: t.do_handshake(); break
        except ssl.SSLWantReadError:
            s.sendall(o.read()); i.write(s.recv(65536))
    t.write(ask('/1k'))
    try: t.unwrap()
    except ssl.SSLWantReadError: pass
    s.sendall(o.read()); s.shutdown(socket.SHUT_WR)
    got = b''
    while True:
        b = s.recv(65536)
        if not b: break
        got += b
    print('records', len(got) > 1024)
elif what == 'pipeline':
    s = dial(); s.sendall(ask('/1k') * 20 + ask('/1k', 'Connection: close'))
    print('answers', everything(s).count(b'HTTP/1.1 200'))
elif what == 'slow':
    s = dial(4096); s.sendall(ask('/big?bytes=3000000', 'Connection: close'))
    n, first = 0, True
    while True:
        b = s.recv(2000)
        if not b: break
        n += len(b)
        if n < 60000: time.sleep(0.005)
    print('bytes', n > 3000000 and n < 3001000)
elif what == 'sizes':
    # lengths of the records of a large response
    i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = c.wrap_bio(i, o, server_hostname='localhost')
    s = socket.create_connection(('127.0.0.1', port))
    while True:
        try: t.do_handshake(); break
        except ssl.SSLWantReadError:
            s.sendall(o.read()); i.write(s.recv(65536))
    t.write(ask('/big?bytes=300000', 'Connection: close')); s.sendall(o.read())
    raw = b''
    while True:
        b = s.recv(65536)
        if not b: break
        raw += b
    sizes = []
    while len(raw) >= 5:
        n = int.from_bytes(raw[3:5], 'big'); sizes.append(n); raw = raw[5 + n:]
    sizes = [n for n in sizes if n > 300]
    print('first', max(sizes[:3]) <= 1400, 'bulk', max(sizes) > 16384, sizes.count(16384 + 17) >= 10)
PY
like(python($script, $port, 'end'), qr/^clean True/, 'the end of a connection is announced (close_notify)');
like(python($script, $port, 'half'), qr/^records True/, 'a client that has announced its own end gets its answer');
like(python($script, $port, 'pipeline'), qr/^answers 21/, 'requests in a pipeline');
like(python($script, $port, 'slow'), qr/^bytes True/, 'a slow reader gets all of a large response');
like(python($script, $port, 'sizes'), qr/^first True bulk True True/, 'the first records are small, bulk goes in full ones');
$w->finish;
done_testing;
