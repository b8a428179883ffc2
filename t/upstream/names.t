# Servers by name, from a real DNS server: addresses, SRV targets, changes that
# come without a reload, answers that fail and take nothing away.
use v5.36;
use Test::More;
use Weir;

my $port;
my $who = sub ($c) { while (my $m = $c->recv_request) { $c->respond(200, $c->sock->sockhost) } };
my $w = Weir->new(start => 0, conf => <<'INI', files => { hosts => '' });
[weir]
workers = 2
resolver = 127.0.0.1:@PORT:dns@
error_log = @DIR@/error.log info
[upstream plain]
server = app.weir.test:@UPSTREAM:all@
[upstream each]
server = dns:app.weir.test:@UPSTREAM:all@
balance = round_robin
slow_start = off
[upstream srv]
server = srv:_http._tcp.weir.test
balance = round_robin
slow_start = off
[upstream none]
server = dns:none.weir.test:80
[server *]
listen = 127.0.0.1:@PORT:http@
/plain/* = plain
/each/* = each
/srv/* = srv
/none/* = none
INI
$w->upstream(all => $who, addr => '0.0.0.0');
my $up = $w->upstream_port('all');

# dnsmasq reads its hosts again on SIGHUP.
sub dns (@more) {
    $w->peer(dns => 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--port=@PORT:dns@',
        '--listen-address=127.0.0.1', '--bind-interfaces', '--local-ttl=1', '--addn-hosts=@DIR@/hosts',
        '--local=/weir.test/', '--pid-file=', '--user=', @more);
}
sub hosts (@lines) {
    $w->write_file(hosts => join '', map { "$_\n" } @lines);
    $w->signal('HUP', $w->{ups}{dns}) if $w->{ups}{dns};
}
sub seen ($path, $n = 12) { my %s; $s{ $w->get($path)->body }++ for 1 .. $n; return join ' ', map { "$_:$s{$_}" } sort keys %s }
sub comes ($path, $want, $n = 12) { my $got; until_true(sub { ($got = seen($path, $n)) eq $want }, 15); is($got, $want, "$path: $want") }

hosts('127.0.0.1 app.weir.test', '127.0.0.2 app.weir.test', '127.0.0.3 two.weir.test');
dns("--srv-host=_http._tcp.weir.test,app.weir.test,$up,1,1", "--srv-host=_http._tcp.weir.test,two.weir.test,$up,1,2",
    "--srv-host=_http._tcp.weir.test,two.weir.test,1,2,1");
$w->start;

comes('/plain/', '127.0.0.1:4', 4);     # a name is one server: the address that answers
comes('/each/', '127.0.0.1:6 127.0.0.2:6');
ok(until_true(sub { my %s = split /[ :]/, seen('/srv/', 30); ($s{'127.0.0.3'} // 0) == 20 }, 10), 'srv: targets by their weights');
is($w->get('/none/')->status, 503, 'a name that is not there: 503');
like($w->wait_log(qr/cannot resolve upstream server name=none\.weir\.test/) // '', qr/ warn /, 'and one warning');

hosts('127.0.0.2 app.weir.test', '127.0.0.4 app.weir.test', '127.0.0.5 app.weir.test', '127.0.0.3 two.weir.test');
comes('/each/', '127.0.0.2:4 127.0.0.4:4 127.0.0.5:4');
like($w->error_log, qr{server is gone, finishing what it has server=each/127\.0\.0\.1:$up source=dns:app\.weir\.test:$up}, 'the log: who is gone');
like($w->error_log, qr{server found server=each/127\.0\.0\.5:$up source=dns:}, 'and who is new');
comes('/plain/', '127.0.0.2:4', 4);

# NXDOMAIN, then nobody there at all: the last good answer stays, over a reload and a new keeper, too.
hosts('127.0.0.3 two.weir.test');
ok($w->wait_log(qr/cannot resolve upstream server name=app\.weir\.test error="[^"]+", keeping its last addresses/), 'NXDOMAIN is told');
is(seen('/each/'), '127.0.0.2:4 127.0.0.4:4 127.0.0.5:4', 'and takes nothing away');
$w->stop_upstream('dns');
$w->reload;
is(seen('/each/'), '127.0.0.2:4 127.0.0.4:4 127.0.0.5:4', 'nor does a reload without DNS');
is(seen('/plain/', 4), '127.0.0.2:4', 'nor for a plain name');
$w->expect_death(1);
my $old = $w->keeper;
kill KILL => $old;
ok(until_true(sub { my $k = $w->keeper; $k && $k != $old }), 'a new keeper');
$w->reload;
is(seen('/each/'), '127.0.0.2:4 127.0.0.4:4 127.0.0.5:4', 'nor a new keeper');

hosts('127.0.0.9 app.weir.test', '127.0.0.3 two.weir.test');
dns();
comes('/each/', '127.0.0.9:12');
done_testing;
