# Authorities and client certificates that change are in use within seconds,
# without a reload: for requests and for health checks.  What cannot be read
# changes nothing.
use v5.36;
use File::Copy 'copy';
use Test::More;
use Weir;
use Weir::Certs;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream app]
server.one = 127.0.0.1:@UPSTREAM:app@
tls = on
tls.ca = @DIR@/trusted.pem
eject = off
keepalive = off
[upstream checked]
server.one = 127.0.0.1:@UPSTREAM:app@
tls = on
tls.ca = @DIR@/trusted.pem
health.interval = 100ms
[upstream shows]
server.one = 127.0.0.1:@UPSTREAM:asks@
tls = on
tls.ca = @DIR@/ca.pem
tls.cert = @DIR@/shown.pem @DIR@/shown.key
keepalive = off
[upstream shows_checked]
server.one = 127.0.0.1:@UPSTREAM:asks@
tls = on
tls.ca = @DIR@/ca.pem
tls.cert = @DIR@/shown.pem @DIR@/shown.key
health.path = /up
health.interval = 100ms
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/app/* = app
/checked/* = checked
/shows/* = shows
/shows_checked/* = shows_checked
INI
my $dir = $w->dir;
my $t = Weir::TlsOrigins->new($w);
my $next = Weir::Certs::ca($dir, name => 'next');
Weir::Certs::client($dir, name => 'alice', ca => $t->ca);
Weir::Certs::client($dir, name => 'bob', ca => $t->ca);
Weir::Certs::client($dir, name => 'mallory', ca => $next);
$t->origin('app')->origin('asks', client_ca => $t->ca->{cert})->start;

# Puts a file in place in one step, and a pair of them.
sub put ($from, $to) { copy("$dir/$from", "$dir/$to.aside") && rename "$dir/$to.aside", "$dir/$to" or die "$to: $!" }
sub pair ($name) { put("$name.key", 'shown.key'); put("$name.pem", 'shown.pem'); chmod 0600, "$dir/shown.key" }
sub comes ($path, $want, $name) {
    my $got;
    until_true(sub { ($got = $w->get($path)->status) eq $want }, 20);
    is($got, $want, $name);
}
sub shown () { $w->get_json('/shows/x')->{client} // 'nobody' }
sub state_of ($name) { (grep { $_->{name} eq $name } @{ $w->ctl_json('upstreams') })[0]{servers}[0]{state} }
sub becomes ($name, $want, $text) { my $got; until_true(sub { ($got = state_of($name)) eq $want }, 20); is($got, $want, $text) }

put('next.pem', 'trusted.pem');
pair('alice');
$w->start;

# Authorities.
is($w->get('/app/x')->status, 502, 'nobody who is trusted has signed it');
becomes('checked', 'down (checks)', '... say checks');
put('ca.pem', 'trusted.pem');
comes('/app/x', 200, 'another list of authorities is in use');
becomes('checked', 'up', '... for checks');
$w->write_file('trusted.pem', "rubbish\n");
ok($w->wait_log(qr/trusted\.pem/, 20), 'a list that cannot be read is told');
is($w->get('/app/x')->status, 200, '... and changes nothing');
put('next.pem', 'trusted.pem');
comes('/app/x', 502, 'one that trusts another takes the trust away, also of sessions');
becomes('checked', 'down (checks)', '... for checks');

# What weir shows.
is(shown, 'alice', 'a client certificate');
pair('bob');
ok(until_true(sub { shown eq 'bob' }, 20), 'another is shown');
becomes('shows_checked', 'up', 'checks show it');
pair('mallory');
becomes('shows_checked', 'down (checks)', 'one that the server does not take: checks say so');
isnt($w->get('/shows/x')->status, 200, '... and requests');
pair('bob');
becomes('shows_checked', 'up', 'back');
comes('/shows/x', 200, 'again');
done_testing;
