# Servers of others behind TLS: nginx, node, openssl's s_server.
use v5.36;
use Cwd 'abs_path';
use Digest::SHA 'sha256_hex';
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream nginx]
server = https://localhost:@UPSTREAM:nginx@
tls.ca = @DIR@/ca.pem
[upstream fresh]
server = https://localhost:@UPSTREAM:nginx@
tls.ca = @DIR@/ca.pem
keepalive = off
[upstream old]
server = https://localhost:@UPSTREAM:nginx12@
tls.ca = @DIR@/ca.pem
keepalive = off
[upstream node]
server = https://localhost:@UPSTREAM:node@
tls.ca = @DIR@/ca.pem
[upstream openssl]
server = https://localhost:@UPSTREAM:openssl@
tls.ca = @DIR@/ca.pem
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/nginx/* = nginx
/fresh/* = fresh
/old/* = old
/node/* = node
/openssl/* = openssl
[defaults]
strip = off
[route */node/*]
strip = /node
[route */openssl/*]
strip = /openssl
INI
my $ca = Weir::Certs::ca($w->dir);
my ($ec, $ec_key) = Weir::Certs::make($w->dir, name => 'ec', ca => $ca);
my ($rsa, $rsa_key) = Weir::Certs::make($w->dir, name => 'rsa', type => 'rsa', ca => $ca);
$w->write_file('www/nginx/big', pattern(10 << 20)) if mkdir($w->dir . '/www') && mkdir($w->dir . '/www/nginx');
my $facts = q({"reused":"$ssl_session_reused","name":"$ssl_server_name","version":"$ssl_protocol","conn":$connection,"requests":$connection_requests});
my $site = <<"END";
    ssl_certificate $ec; ssl_certificate_key $ec_key; ssl_certificate $rsa; ssl_certificate_key $rsa_key;
    ssl_session_cache shared:x:1m;
    location / { default_type application/json; return 200 '$facts'; }
    location = /nginx/big { root \@DIR\@/www; }
END
$w->nginx(plain => <<"END");
}
server { listen 127.0.0.1:\@UPSTREAM:nginx12\@ ssl; ssl_protocols TLSv1.2; $site }
server { listen 127.0.0.1:\@UPSTREAM:nginx\@ ssl; ssl_protocols TLSv1.2 TLSv1.3; $site
END
$w->peer(node => 'node', abs_path('t/peers/node_origin.js'), $w->upstream_port('node'), $ec, $ec_key);
$w->peer(openssl => qw(openssl s_server -quiet -www -cert), $rsa, '-key', $rsa_key, '-accept', '127.0.0.1:' . $w->upstream_port('openssl'));
$w->upstream_listens($_) or BAIL_OUT("$_ does not start: " . $w->peer_out($_)) for qw(nginx node openssl);
$w->start;

# nginx
my @said = map { $w->get_json("/nginx/$_") } 1 .. 3;
is(join(' ', map { $_->{requests} } @said), '1 2 3', 'nginx: a kept connection');
is("$said[0]{name} $said[0]{version}", 'localhost TLSv1.3', '... by name, with TLS 1.3');
ok($w->get('/nginx/big')->body eq pattern(10 << 20), '... 10 MiB');
for my $way (qw(fresh old)) {
    @said = map { $w->get_json("/$way/$_") } 1 .. 3;
    is(join(' ', map { $_->{reused} } @said), '. r r', "... a session of $said[0]{version} goes on");
    isnt($said[0]{conn}, $said[1]{conn}, '... on new connections');
}

# node
my $got = $w->get_json('/node/echo', body => pattern(1_000_000));
is("$got->{bytes} $got->{sha256}", '1000000 ' . sha256_hex(pattern(1_000_000)), 'node: an upload');
is($w->get_json('/node/echo')->{conn}, $got->{conn}, '... and the connection is kept');
my $m = $w->get('/node/chunked');
ok($m->clean && sha256_hex($m->body) eq sha256_hex(join '', map { chr(97 + $_ % 26) x 65536 } 0 .. 63), '... 4 MB in chunks');
$m = $w->get('/node/trailers', fields => [ TE => 'trailers' ]);
is($m->trailer('X-Sum'), sha256_hex('a body'), '... trailers');
$m = $w->get('/node/hints');
is(join(' ', map { $_->status } $m->informs), '103 102', '... early hints');
$m = $w->get('/node/cut');
ok(!$m->clean, '... an answer that breaks off');
my $c = $w->conn;
$c->send($w->request_text('/node/socket', fields => [
    Upgrade => 'websocket', Connection => 'Upgrade', 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version' => 13,
]));
$m = $c->recv_response;
is($m->status . ' ' . $m->field('Sec-WebSocket-Accept'), '101 s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', '... a WebSocket');
is(($c->recv_frame)[1], 'hello', '... its first frame');
for my $n (1 .. 20) {
    $c->send(Weir::Upstream::ws_frame(1, "message $n", mask => 1));
    is(($c->recv_frame)[1], "message $n", "... there and back $n");
}
$c->send(Weir::Upstream::ws_frame(8, '', mask => 1));
is(($c->recv_frame)[0], 8, '... closed by the protocol');
is($c->closed(timeout => 5), 'fin', '... and the connection ends');

# openssl: HTTP/1.0 to the end of the connection
for my $n (1 .. 3) {
    $m = $w->get('/openssl/');
    ok($m->clean && $m->status eq '200' && $m->body =~ /s_server .*<\/pre>/s, "openssl: a page of HTTP/1.0 ($n)");
    is(($m->body =~ /^(New|Reused), TLS/m)[0], $n == 1 ? 'New' : 'Reused', '... by a session') or diag($m->body);
}

my $end = $w->ended_requests;
my %bad = map { $_ => $end->{$_}{reason} } grep { $end->{$_}{reason} } keys %$end;
is_deeply(\%bad, { '/node/cut' => 'upstream_truncated' }, 'nothing but what broke off has failed');
done_testing;
