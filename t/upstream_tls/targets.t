# https:// as a target and without a file; one address by TLS and not is two
# upstreams; a server that is a unix socket.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream sock]
server = unix:@DIR@/app.sock
tls = on
tls.ca = @DIR@/ca.pem
tls.name = sock.example
[upstream blind]
server = unix:@DIR@/app.sock
tls = on
tls.verify = off
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/plain/* = 127.0.0.1:@UPSTREAM:app@
/tls/* = https://127.0.0.1:@UPSTREAM:app@
/tls/again/* = https://127.0.0.1:@UPSTREAM:app@
/sock/* = sock
/blind/* = blind
[route */host/*]
to = https://127.0.0.1:@UPSTREAM:app@
host = inner.example
INI
my $t = Weir::TlsOrigins->new($w);
# The system's authorities are this one.
$w->{o}{env}{SSL_CERT_FILE} = $t->ca->{cert};
$t->origin('app');
$t->origin('sock', unix => $w->dir . '/app.sock', cert => { hosts => ['sock.example'] });
chmod 0755, $w->dir;
$t->start;
$w->start;

my $first = $w->get_json('/tls/1');
is($first->{origin}, 'app', 'https:// as a target, verified by what the system trusts');
is($w->get_json('/tls/again/2')->{conn}, $first->{conn}, 'named twice it is one upstream');
is($w->get_json('/host/x')->{conn}, $first->{conn}, '... whatever is sent');
my %field = map { lc $_->[0] => $_->[1] } @{ $w->get_json('/host/y')->{fields} };
is($field{host}, 'inner.example', 'Host is as configured');
is($field{'x-forwarded-proto'}, 'http', 'and the client came by plain HTTP');
isnt($w->get('/plain/1')->status, 200, 'without TLS the same address is another upstream');
is($w->get_json('/tls/3')->{conn}, $first->{conn}, '... whose connections are not shared');
is($w->get_json('/sock/1')->{sni}, 'sock.example', 'a unix socket, by tls.name');
my $blind = $w->get_json('/blind/1');
is("$blind->{origin} " . ($blind->{sni} // '-'), 'sock -', 'or unverified, without a name');

my %up = map { $_->{name} => $_ } @{ $w->ctl_json('upstreams') };
my $at = '127.0.0.1:' . $w->upstream_port('app');
ok($up{"https://$at"}{tls} && !$up{$at}{tls} && $up{sock}{tls}, 'weirctl tells which have TLS');
like(($w->ctl('upstreams'))[1], qr{^https://\Q$at\E +1/1 up, https }m, '... in the table too');

# Without a file.
my $port = $w->port('alone');
my $alone = Weir->new(bare => 1, args => [ "127.0.0.1:$port=https://$at" ], env => { SSL_CERT_FILE => $t->ca->{cert} });
ok(until_true(sub { $w->get('/alone', to => "127.0.0.1:$port")->status eq '200' }), 'weir LISTEN=https://HOST:PORT');
done_testing;
