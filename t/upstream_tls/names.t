# Whom a certificate has to be for where servers are found by names: the name
# of dns:, the target's of srv:, the line's of a file; and tls.name before all.
use v5.36;
use Test::More;
use Weir;
use Weir::TlsOrigins;

my $ca = 'tls.ca = @DIR@/ca.pem';
my $w = Weir->new(start => 0, log => 'json', files => { list => '' }, conf => <<"INI");
[weir]
resolver = 127.0.0.1:\@PORT:dns\@
error_log = \@DIR\@/error.log info
[defaults]
retry = off
[upstream plain]
server = app.weir.test:\@UPSTREAM:app\@
tls = on
$ca
eject = off
[upstream dns]
server = dns:app.weir.test:\@UPSTREAM:app\@
tls = on
$ca
eject = off
health.path = /up
health.interval = 100ms
[upstream other]
server = dns:other.weir.test:\@UPSTREAM:app\@
tls = on
$ca
eject = off
[upstream named]
server = dns:other.weir.test:\@UPSTREAM:app\@
tls = on
$ca
tls.name = app.weir.test
[upstream srv]
server = srv:_https._tcp.weir.test
tls = on
$ca
health.path = /up
health.interval = 100ms
[upstream file]
server = file:\@DIR\@/list
tls = on
$ca
eject = off
health.path = /up
health.interval = 100ms
[upstream lines]
server = file:\@DIR\@/list
tls = on
$ca
eject = off
[server *]
listen = 127.0.0.1:\@PORT:http\@
tls = off
/plain = plain
/dns = dns
/other = other
/named = named
/srv = srv
/file = file
/lines = lines
INI
Weir::TlsOrigins->new($w)->origin('app', cert => { hosts => ['app.weir.test'] })->start;
my $port = $w->upstream_port('app');
$w->write_file(hosts => join '', map { "127.0.0.1 $_.weir.test\n" } qw(app other));
$w->peer(dns => 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--port=@PORT:dns@',
    '--listen-address=127.0.0.1', '--bind-interfaces', '--local-ttl=1', '--addn-hosts=@DIR@/hosts', '--local=/weir.test/',
    '--pid-file=', '--user=', "--srv-host=_https._tcp.weir.test,app.weir.test,$port,1,1");
$w->write_file(list => "app.weir.test:$port\n");
$w->start;

sub status ($path) { $w->get($path)->status }
for my $path (qw(/plain /dns /named /srv /file /lines)) {
    ok(until_true(sub { status($path) eq '200' }, 15), "$path is reached") or next;
    is($w->get_json($path)->{sni}, 'app.weir.test', '... by its name');
}
is(status('/other'), 502, 'another name is not');

# Lines that have no name, or another one.
sub listed ($text, $re) { $w->write_file(list => $text); return $w->wait_log($re, 15) }
ok(listed("127.0.0.1:$port\n", qr/server is down upstream=file server=127\.0\.0\.1:$port .*reason="upstream_tls_name/), 'an address: its checks say that it is another');
is(status('/file'), 503, '... it is not used');
ok(until_true(sub { status('/lines') eq '502' }), '... or, without checks, not reached');
ok(listed("unix:/run/app.sock\n", qr/source=file:\S+ error="a unix socket has no host that its certificate could be for \(tls\.name\)", keeping the last ones/),
    'a unix socket is refused');
is(status('/lines'), 502, 'and the last list stays');
$w->write_file(list => "app.weir.test:$port\n");
ok(until_true(sub { status($_) eq '200' }, 15), "the name again: $_ is reached") for qw(/file /lines);

my %down = map { $_->{name} => $_->{servers_up} } @{ $w->ctl_json('upstreams') };
is("$down{dns} $down{srv}", '1 1', 'checks go by the same names');
is((grep { /upstream=(?:dns|srv) / && /server is down/ } split /\n/, $w->error_log), 0, '... and have never failed');
my $end = $w->ended_requests;
is($end->{'/other'}{reason}, 'upstream_tls_name', 'in the log: another name');
ok((grep { $_->{request_uri} eq '/lines' && $_->{reason} eq 'upstream_tls_name' } $w->access), 'of a line too');
done_testing;
