# Without a path, a connection that is taken is enough.  Each upstream has its
# own opinion of an address; a server's addresses are tried in turn.
use v5.36;
use Test::More;
use Weir;

my $silent = sub ($c) { $c->recv_until_close(timeout => 5) };
my $w = Weir->new(start => 0, upstream => { app => $silent }, conf => <<'INI');
[defaults]
tls = off
[upstream plain]
server.tcp = 127.0.0.1:@UPSTREAM:app@
server.sock = unix:@SOCK:app@
server.name = localhost:@UPSTREAM:six@
health.interval = 100ms
health.timeout = 200ms
[upstream asks]
server.tcp = 127.0.0.1:@UPSTREAM:app@
health.path = /
health.interval = 100ms
health.timeout = 100ms
health.fall = 1
[upstream none]
server.tcp = 127.0.0.1:@UPSTREAM:none@
[server *]
listen = 127.0.0.1:@PORT:http@
/* = plain
/asks/* = asks
/none/* = none
INI
$w->upstream(sock => $silent, unix => $w->dir . '/app.sock');
my $six = eval { require IO::Socket::IP; IO::Socket::IP->new(LocalHost => '::1', LocalPort => $w->upstream_port('six'), Listen => 100) };
$w->start;

sub said ($re, $name) { ok $w->wait_log($re), $name or diag grep { /server/ } $w->error_log }

said(qr/server is down upstream=asks server=tcp .*reason="timeout" checks=1;/, 'a server that is silent answers no question');
said(qr/server is down upstream=plain server=name address=\[::1\]\S+ reason="connection refused" checks=1/, 'no address of localhost is taken')
    unless $six;
until_true(sub { $w->upstream_conns('app') > 20 && $w->upstream_conns('sock') > 10 });
unlike $w->error_log, qr/upstream=plain server=(?:tcp|sock)/, 'but it is up where a connection is enough';
SKIP: {
    skip 'no IPv6', 1 unless $six;
    unlike $w->error_log, qr/upstream=plain server=name/, 'and where the second address takes it';
}
is +(grep { $_ ne '' } $w->upstream_raw('sock')), 0, 'nothing is sent';

$w->stop_upstream('app');
said(qr/server is down upstream=plain server=tcp .*reason="connection refused" checks=3;/, 'a port that nobody listens on');
$w->deaf_upstream('app');
my $before = () = $w->error_log =~ /server is/g;
until_true(sub { 0 }, 0.5);
is +(() = $w->error_log =~ /server is/g), $before, 'one that does not accept is no better';
$w->{deaf} = {};
$w->upstream(app => $silent);
said(qr/server is up upstream=plain server=tcp .*checks=2;/, 'when it accepts again it is up');
unlike $w->error_log, qr/server is up upstream=asks/, 'the upstream with a question still waits for the answer';

$w->stop_upstream('sock');
said(qr/server is down upstream=plain server=sock address=unix:\S+ reason="connection refused"/, 'a socket that nobody listens on');
unlink $w->dir . '/app.sock';
$w->upstream(sock => 'echo', unix => $w->dir . '/app.sock');
said(qr/server is up upstream=plain server=sock/, 'a new one');
unlike $w->error_log, qr/upstream=none/, 'an upstream without checks has none';
done_testing;
