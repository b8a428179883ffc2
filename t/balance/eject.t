# Servers that fail requests are taken out, come back by a trial of one
# request, and never are all out.
use v5.36;
use Test::More;
use Weir;
use Weir::Origins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[weir]
workers = 2
error_log = @DIR@/error.log info
[defaults]
retry = off
[upstream app]
server.a = 127.0.0.1:@UPSTREAM:a@
server.b = 127.0.0.1:@UPSTREAM:b@
balance = round_robin
slow_start = off
eject = 3 errors in 10s for 1s, at most 50%
[upstream single]
server.s = 127.0.0.1:@UPSTREAM:s@
eject = 1 error in 10s for 1h, at most 100%
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
/single/* = single
INI
my $o = Weir::Origins->new($w, [qw(a b s)], args => { b => ['-S', 500], s => ['-S', 503] });
$w->start;

sub statuses ($n, $path = '/') { my %n; $n{ $w->get($path)->status }++ for 1 .. $n; return join ' ', map { "$_:$n{$_}" } sort keys %n }

is(statuses(6), '200:3 500:3', 'three times 500');
ok($w->wait_log(qr/server ejected server=app\/b errors=3 within_ms=10000; out of rotation for_ms=(?:1000|99\d)/), 'the server is ejected');
is(statuses(20), '200:20', 'nobody is given to it');
my @hits = $o->hits;
is($hits[1], 3, 'after its third error it got nothing more');

# The trial: one request, however many come.
ok(until_true(sub { statuses(1) eq '500:1' }, 10), 'after its time one request tries it');
ok($w->wait_log(qr/server failed its trial server=app\/b; stays ejected for_ms=(?:2000|1\d\d\d)/), 'it fails, and stays out twice as long');
is(statuses(10), '200:10', 'nobody else is given to it');

$w->origin('b');
$o->hits;
ok(until_true(sub { statuses(1); $w->error_log =~ /server passed its trial server=app\/b; back in rotation/ }, 15), 'when it answers again, a trial brings it back');
$o->hits;
is(statuses(10), '200:10', 'all are answered');
is(join(' ', ($o->hits)[0, 1]), '5 5', 'by both of them');

# One error among many good answers is no reason; the single server of an upstream is never out.
is(statuses(5, '/single/'), '503:5', 'a single server fails');
is(statuses(5, '/single/'), '503:5', 'and is used all the same');
like($w->error_log, qr/no server is left that is not ejected upstream=single; using the ejected ones/, 'which the log tells');

# Half of the answers good: not ejected.
my $c = $w->conn;
$w->get($_ % 3 ? '/ok' : '/status?code=500', on => $c) for 1 .. 60;
unlike($w->error_log =~ s/.*back in rotation//sr, qr/ejected server=app/, 'a third of errors that clients caused ejects nobody');
done_testing;
