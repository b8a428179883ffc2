# Where private keys are kept in a process of their own (tls.keys = isolated),
# client certificates are shown to servers all the same, by requests and checks.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::TlsOrigins;

my $upstreams = join '', map { <<"INI" } [ new => 'asks', 'ec' ], [ old => 'asks12', 'ec' ], [ rsa => 'asks', 'rsa' ], [ old_rsa => 'asks12', 'rsa' ];
[upstream $_->[0]]
server.one = 127.0.0.1:\@UPSTREAM:$_->[1]\@
tls = on
tls.ca = \@DIR\@/ca.pem
tls.cert = \@DIR\@/$_->[2].pem \@DIR\@/$_->[2].key
keepalive = off
[upstream checked_$_->[0]]
server.one = 127.0.0.1:\@UPSTREAM:$_->[1]\@
tls = on
tls.ca = \@DIR\@/ca.pem
tls.cert = \@DIR\@/$_->[2].pem \@DIR\@/$_->[2].key
health.path = /up
health.interval = 100ms
INI
my @names = qw(new old rsa old_rsa);
my $routes = join '', map { "/$_/* = $_\n/checked_$_/* = checked_$_\n" } @names;
my $w = Weir->new(start => 0, log => 'json', conf => "[weir]\ntls.keys = isolated\n$upstreams\[server *]\nlisten = 127.0.0.1:\@PORT:http\@\ntls = off\n$routes");
my $t = Weir::TlsOrigins->new($w);
Weir::Certs::client($w->dir, name => $_, type => $_, ca => $t->ca) for qw(ec rsa);
$t->origin('asks', client_ca => $t->ca->{cert})->origin('asks12', client_ca => $t->ca->{cert}, max => 'TLSv1_2')->start;
$w->start;

for my $name (@names) {
    my @said = map { $w->get_json("/$name/$_") } 1 .. 3;
    is(join(' ', map { $_->{client} // 'nobody' } @said), join(' ', ($name =~ /rsa/ ? 'rsa' : 'ec') x 3), "$name: shown");
}
# Many at once, with one signer.
my @c = map { my $c = $w->conn; $c->send($w->request_text("/new/many$_")); $c } 1 .. 30;
is(scalar(grep { ($_->recv_response // next)->status eq '200' } @c), 30, 'thirty handshakes at once');

my %checks = map { $_->{name} => $_->{servers}[0] } @{ $w->ctl_json('upstreams') };
ok(until_true(sub { $checks{"checked_$_"}{state} eq 'up' }), "checks of $_") for @names;
unlike($w->error_log, qr/server is down|cannot check|cannot be set up/, 'none has failed');
my $end = $w->ended_requests;
is(join(' ', grep { $end->{$_}{reason} } keys %$end), '', 'nor a request');
done_testing;
