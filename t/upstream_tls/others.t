# A handshake that failed has written nothing of the request: another address
# or server is asked, whatever the method.  It counts for eject, and the log
# tells of every attempt.
use v5.36;
use Test::More;
use Weir;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI', upstream => { silent => sub ($c) { $c->closed(timeout => 20) } });
[defaults]
timeout.connect = 500ms
[upstream two]
server.bad = 127.0.0.1:@UPSTREAM:expired@
server.good = 127.0.0.1:@UPSTREAM:good@ backup
tls = on
tls.ca = @DIR@/ca.pem
eject = 3 errors in 10s for 1h, at most 50%
[upstream slow]
server.bad = 127.0.0.1:@UPSTREAM:silent@
server.good = 127.0.0.1:@UPSTREAM:good@ backup
tls = on
tls.ca = @DIR@/ca.pem
eject = off
[upstream strict]
server.bad = 127.0.0.1:@UPSTREAM:expired@
server.good = 127.0.0.1:@UPSTREAM:good@ backup
tls = on
tls.ca = @DIR@/ca.pem
eject = off
[upstream name]
server = localhost:@UPSTREAM:six@
tls = on
tls.ca = @DIR@/ca.pem
eject = off
[upstream gone]
server.bad = 127.0.0.1:@UPSTREAM:expired@
server.worse = 127.0.0.1:@UPSTREAM:stranger@
tls = on
tls.ca = @DIR@/ca.pem
eject = off
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/two/* = two
/slow/* = slow
/strict/* = strict
/name/* = name
/gone/* = gone
[route */strict/*]
retry = off
INI
my $t = Weir::TlsOrigins->new($w);
$t->origin('good');
$t->origin('expired', cert => { days => -1 });
$t->origin('stranger', cert => { ca => undef });
$t->start;
# localhost is 127.0.0.1 first, then ::1: there the good one is.
my $port = $w->upstream_port('six');
$t->origin('six', cert => { days => -1 })->start('first');
$t->origin('six', address => '::1')->start('second');
$w->start;

sub state_of ($upstream, $server) {
    my ($u) = grep { $_->{name} eq $upstream } @{ $w->ctl_json('upstreams') };
    return (grep { $_->{name} eq $server } @{ $u->{servers} })[0]{state};
}

for my $n (1 .. 2) {
    is($w->get("/two/$n", body => 'once')->status, 200, 'a POST goes to the other server');
    is(state_of('two', 'bad'), 'up', '... the first is not given up yet');
}
is($w->get('/two/3')->status, 200, 'the third time');
is(state_of('two', 'bad'), 'ejected', '... it is ejected');
is($w->get('/two/4')->status, 200, 'and not asked any more');
is($w->get('/slow/x', body => 'once')->status, 200, 'a server that never answers the handshake');
is($w->get('/strict/x')->status, 502, 'with retry = off there is no other');
my $m = $w->get_json('/name/x', body => 'once');
is($m->{response}->status, 200, 'the next address of a name');
is($m->{sni}, 'localhost', 'by the same name');
is($w->get('/gone/x')->status, 502, 'nobody is good');

my $end = $w->ended_requests;
sub attempts ($path) {
    my $line = $end->{$path};
    return join ', ', map { join ' ', grep { defined && length } $_->{status}, $_->{reason} } @{ $line->{upstream_attempts} // [$line] };
}
is(attempts('/two/1'), 'upstream_tls_expired, 200', 'in the log: both attempts');
is(attempts('/two/4'), '200', 'one when the first was ejected') or diag(explain($end->{'/two/4'}));
is(attempts('/slow/x'), 'upstream_tls_timeout, 200', 'one that was out of time');
is(attempts('/name/x'), 'upstream_tls_expired, 200', 'two addresses');
is($end->{'/strict/x'}{reason}, 'upstream_tls_expired', 'no other attempt');
is($end->{'/strict/x'}{attempts}, 1, '... at all');
like(attempts('/gone/x'), qr/^upstream_tls_(?:expired|issuer), upstream_tls_(?:expired|issuer)$/, 'two that failed');
my ($first, $second) = @{ $end->{'/two/1'}{upstream_attempts} };
ok(!defined $first->{connect_time} && defined $second->{connect_time}, 'a handshake that failed has no time of connecting');
ok($end->{'/slow/x'}{upstream_attempts}[0]{response_time} >= 0.4, 'connecting and handshake have timeout.connect together');
done_testing;
