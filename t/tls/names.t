# Which certificate a client gets by the name that it asks for (SNI): exact,
# wildcard, `*`, none; and names that nobody has.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my %pair = map { $_ => join ' ', Weir::Certs::make($dir, name => $_, hosts => [$_], subject => "/CN=$_") } qw(exact deep wild any other);
$w->configure(<<"INI");
[server a.example b.example]
listen = 127.0.0.1:\@PORT:all\@ tls, 127.0.0.1:\@PORT:strict\@ tls
tls = $pair{exact}
/* = status:200 exact

[server *.example]
listen = 127.0.0.1:\@PORT:all\@ tls
tls = $pair{wild}
/* = status:200 wild

[server *.deep.example]
listen = 127.0.0.1:\@PORT:all\@ tls
tls = $pair{deep}
/* = status:200 deep

[server *]
listen = 127.0.0.1:\@PORT:all\@ tls
tls = $pair{any}
/* = status:200 any

[server z.example]
listen = 127.0.0.1:\@PORT:strict\@ tls
tls = $pair{other}
/* = status:200 other
INI
$w->start;
my ($all, $strict) = ($w->port('all'), $w->port('strict'));

sub subject ($port, $name) { s_client($port, servername => $name) =~ /^subject=CN = (\S+)/m ? $1 : 'none' }

for ([ 'a.example', 'exact' ], [ 'b.example', 'exact' ], [ 'A.Example', 'exact' ], [ 'a.example.', 'exact' ],
    [ 'c.example', 'wild' ], [ 'x.y.example', 'wild' ], [ 'x.deep.example', 'deep' ], [ 'x.y.deep.example', 'deep' ],
    [ 'deep.example', 'wild' ], [ 'example', 'any' ], [ 'else.test', 'any' ], [ undef, 'any' ]) {
    my ($name, $want) = @$_;
    is(subject($all, $name), $want, ($name // 'no name') . ": $want");
}
is(subject($strict, 'a.example'), 'exact', 'without a *: a name of a server');
is(subject($strict, 'z.example'), 'other', '... of another');
is(subject($strict, undef), 'exact', '... no name: the first server');
for my $name ('c.example', 'example', 'a.example.b', 'xa.example') {
    like(s_client($strict, servername => $name), qr/unrecognized name/, "... $name is refused, with an alert that says so");
}
ok($w->wait_log(qr/handshake failed, closed reason=tls_name why="[^"]*" client=127\.0\.0\.1 name="c\.example"/), '... and the log says which name');

# Host decides on the server; SNI on the certificate alone, as long as the rules are the same.
is(body_of(s_client($all, servername => 'a.example', send => request('c.example'))), 'wild', 'Host may name another server of the same rules');

# Names that are none: the bytes of a ClientHello, made by hand.
my $hello = <<'PY';
import socket, ssl, sys
port, name = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
placeholder = b'q' * min(max(len(name), 3), 60)
t = c.wrap_bio(i, o, server_hostname=placeholder.decode() + '.zz')
try: t.do_handshake()
except ssl.SSLWantReadError: pass
b = o.read()
old = placeholder + b'.zz'
at = b.index(old)
delta = len(name) - len(old)
fix = lambda x, p: x[:p] + (int.from_bytes(x[p:p+2], 'big') + delta).to_bytes(2, 'big') + x[p+2:]
b = b[:at] + name + b[at + len(old):]
for p in (at - 2, at - 5, at - 7): b = fix(b, p)
e = b.index(bytes([0, 0]) , 0)
# lengths of record, handshake and the list of extensions
b = fix(b, 3)
b = b[:6] + (int.from_bytes(b[6:9], 'big') + delta).to_bytes(3, 'big') + b[9:]
p = 9 + 2 + 32
p += 1 + b[p]
p += 2 + int.from_bytes(b[p:p+2], 'big')
p += 1 + b[p]
b = fix(b, p)
s = socket.create_connection(('127.0.0.1', port), 5)
s.sendall(b)
r = s.recv(7)
print('alert', r[6] if len(r) == 7 and r[0] == 21 else 'none', r[0] if r else 'closed')
PY
like(python($hello, $all, unpack 'H*', 'a.example'), qr/^alert none 22/, 'a hello that was made by hand is taken');
for ([ 'a blank in it', 'a .example' ], [ 'a NUL in it', "a\0.example" ], [ 'bytes beyond ASCII', "\xc3\xa4.example" ], [ 'nothing', '' ],
    [ 'a dot alone', '.' ], [ '300 bytes', 'x' x 300 ]) {
    my ($what, $name) = @$_;
    like(python($hello, $all, unpack 'H*', $name), qr/^alert (?:112|50|47|80) 21/, "a name with $what is refused, also where there is a *");
}
is(subject($all, 'a.example'), 'exact', 'and the next is served');
$w->finish;
done_testing;
