# Connections by TLS are kept and used again, and a new one goes on with the
# session of an earlier one - by the same rules alone: a session that was made
# without looking at the certificate is none for an upstream that looks.
use v5.36;
use Test::More;
use Weir;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream kept]
server = 127.0.0.1:@UPSTREAM:good@
tls = on
tls.ca = @DIR@/ca.pem
[upstream fresh]
server = 127.0.0.1:@UPSTREAM:good@
tls = on
tls.ca = @DIR@/ca.pem
keepalive = off
[upstream old]
server = 127.0.0.1:@UPSTREAM:tls12@
tls = on
tls.ca = @DIR@/ca.pem
keepalive = off
[upstream loose]
server = 127.0.0.1:@UPSTREAM:own@
tls = on
tls.verify = off
keepalive = off
[upstream strict]
server = 127.0.0.1:@UPSTREAM:own@
tls = on
tls.ca = @DIR@/ca.pem
keepalive = off
eject = off
[upstream named]
server = 127.0.0.1:@UPSTREAM:good@
tls = on
tls.ca = @DIR@/ca.pem
tls.name = other.example
keepalive = off
eject = off
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = kept
/fresh/* = fresh
/old/* = old
/loose/* = loose
/strict/* = strict
/named/* = named
INI
my $t = Weir::TlsOrigins->new($w);
$t->origin('good');
$t->origin('tls12', max => 'TLSv1_2');
$t->origin('own', cert => { ca => undef });
$t->start;
$w->start;

# Kept ones.
my $first = $w->get_json('/1');
my ($conn, $n) = @$first{qw(conn number)};
is($n, 1, 'a connection of its own');
for my $o ([], [ body => 'x' x 1000 ], [ method => 'HEAD' ], [ fields => [ 'Transfer-Encoding' => 'chunked' ], body => "3\r\nabc\r\n0\r\n\r\n" ]) {
    my $m = $w->get('/more', @$o);
    is($m->status, 200, ($o->[0] // 'get') . ' on it');
}
my $now = $w->get_json('/now');
is("$now->{conn} $now->{number}", "$conn 6", 'the sixth on the same connection');
for my $end (qw(notify fin rst)) {
    my $m = $w->get("/length?n=1000&end=$end");
    ok($m->clean && $m->body eq pattern(1000), "a whole answer, then the end of the connection ($end)");
    $now = $w->get_json("/after-$end", body => 'not to be repeated');
    is($now->{number}, 1, '... which is not used again');
    isnt($now->{conn}, $conn, '... but another');
    $conn = $now->{conn};
}

# Sessions.
for my $way (qw(fresh old)) {
    my @said = map { $w->get_json("/$way/$_") } 1 .. 4;
    is(join(' ', map { $_->{number} // '-' } @said), '1 1 1 1', "$way: a connection each");
    is(join(' ', map { $_->{resumed} ? 'resumed' : 'new' } @said), 'new resumed resumed resumed', '... that goes on with a session');
}
ok(!$w->get_json('/loose/1')->{resumed}, 'a session without verification');
ok($w->get_json('/loose/2')->{resumed}, '... is used by whoever does not verify');
is($w->get('/strict/1')->status, 502, '... and not by who does');
is($w->get('/named/1')->status, 502, 'nor one of another name');
ok($w->get_json('/loose/3')->{resumed}, 'the loose one goes on');

my $end = $w->ended_requests;
is($end->{'/strict/1'}{reason}, 'upstream_tls_issuer', 'in the log: nobody has signed it');
is($end->{'/named/1'}{reason}, 'upstream_tls_name', 'and it is for another');
my %bad = map { $_ => $end->{$_}{reason} } grep { $end->{$_}{reason} && !m{^/(?:strict|named)/} } keys %$end;
is_deeply(\%bad, {}, 'nothing else has failed');
ok($end->{'/now'}{attempts} == 1 && !defined $end->{'/now'}{upstream_connect_time}, 'a kept one has no time of connecting') or diag(explain($end->{'/now'}));
ok(defined $end->{'/fresh/1'}{upstream_connect_time}, 'a new one has');
done_testing;
