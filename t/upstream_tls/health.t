# Health checks go over TLS by the rules that requests go by: a server whose
# certificate is not good is down, and the log says why; renewed, it is up.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::TlsOrigins;

my $conf = '';
my $routes = '';
# NAME => keys, server
my %up = (
    good    => [ "health.path = /health/up\nhealth.expect = \"origin\"", 'good' ],
    connect => [ '', 'good' ],
    named   => [ "health.path = /health/named\ntls.name = app.example", 'app' ],
    shows   => [ "health.path = /health/shows\ntls.cert = \@DIR\@/client.pem \@DIR\@/client.key", 'asks' ],
    renewed => [ 'health.path = /health/renewed', 'renewed' ],
    expired => [ '', 'expired' ],
    wrong   => [ 'health.path = /x', 'app' ],
    refused => [ 'health.path = /x', 'asks' ],
    plain   => [ '', 'plain' ],
    silent  => [ '', 'silent' ],
    closes  => [ '', 'closes' ],
);
for my $name (sort keys %up) {
    my ($keys, $server) = @{ $up{$name} };
    $conf .= "[upstream $name]\nserver.one = 127.0.0.1:\@UPSTREAM:$server\@\ntls = on\ntls.ca = \@DIR\@/ca.pem\n"
        . "health.interval = 100ms\nhealth.timeout = 500ms\n$keys\n";
    $routes .= "/$name/* = $name\n";
}
my $w = Weir->new(start => 0, conf => "$conf\[server *]\nlisten = 127.0.0.1:\@PORT:http\@\ntls = off\n$routes", upstream => {
    plain  => sub ($c) { $c->send("HTTP/1.1 400 Bad Request\r\n\r\n") },
    silent => sub ($c) { $c->closed(timeout => 20) },
    closes => sub ($c) { $c->recv_n(5) },
});
my $t = Weir::TlsOrigins->new($w);
Weir::Certs::client($w->dir, ca => $t->ca);
$t->origin('good');
$t->origin('app', cert => { hosts => ['app.example'] });
$t->origin('asks', client_ca => $t->ca->{cert});
$t->origin('expired', cert => { days => -1 });
$t->start;
$t->origin('renewed', cert => { days => -1 });
$t->start('renewed');
$w->start;

sub told ($name, $state) { $w->wait_log(qr/server is $state upstream=$name server=one /, 15) // "nothing about $name" }
sub why ($name) { (told($name, 'down') =~ /reason="([^"]*)"/)[0] }

like(told('renewed', 'down'), qr/ reason="upstream_tls_expired: certificate has expired"/, 'expired, with a path');
like(why('expired'), qr/^upstream_tls_expired/, 'and by the connection alone');
like(why('wrong'), qr/^upstream_tls_name/, 'for another name');
like(why('refused'), qr/^upstream_tls_alert/, 'it wants a client certificate');
like(why('plain'), qr/^upstream_tls_protocol/, 'no TLS at all');
is(why('silent'), 'upstream_tls_timeout', 'says nothing');
like(why('closes'), qr/^upstream_tls_closed/, 'hangs up');
like(told('renewed', 'down'), qr/ warn .*; no requests until 2 good checks in a row$/, 'and what comes of it');

my %state = map { $_->{name} => $_->{servers}[0]{state} } @{ $w->ctl_json('upstreams') };
is($state{$_}, 'up', "$_ is up") for qw(good connect named shows);
is($w->get("/$_/x")->status, 200, "... and serves") for qw(good connect named shows);

$w->stop_upstream('renewed');
$t->origin('renewed');
$t->start('renewed');
like(told('renewed', 'up'), qr/ notice .*; it gets requests again/, 'a renewed certificate brings it back');
is($w->get('/renewed/x')->status, 200, 'it serves');

# One more keeper: what was found out stays, and checks go on.
is(scalar $w->reload, 0, 'reloaded');
%state = map { $_->{name} => $_->{servers}[0]{state} } @{ $w->ctl_json('upstreams') };
is("$state{good} $state{expired}", 'up down (checks)', 'states stay');
$w->stop_upstream('renewed');
$t->origin('renewed', cert => { days => -1 });
$t->start('renewed');
ok(until_true(sub { (() = $w->error_log =~ /server is down upstream=renewed /g) == 2 }, 15), 'the new keeper checks by TLS too');
unlike($w->error_log, qr/cannot check server|cannot be set up/, 'every check was made');
done_testing;
