# What TLS says to itself on a kept connection - session tickets, changes of
# keys - is none of HTTP's: the connection stays in use.  Bytes that nobody
# asked for, and an end, are not.
use v5.36;
use Cwd 'abs_path';
use Test::More;
use Weir;
use Weir::Certs;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream app]
server = https://127.0.0.1:@UPSTREAM:late@
tls.ca = @DIR@/ca.pem
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI
my ($cert, $key) = Weir::Certs::make($w->dir, hosts => ['127.0.0.1'], ca => Weir::Certs::ca($w->dir));
$w->peer(late => 'python3', '-u', abs_path('t/lib/tls_late.py'), $w->upstream_port('late'), $cert, $key);
$w->upstream_listens('late') or BAIL_OUT('the origin does not start: ' . $w->peer_out('late'));
$w->start;

my $lines = 0;
# Asks, and waits until the server has said what it says behind the answer.
sub asked ($what, %o) {
    my $m = $w->get("/$what", %o);
    my $said = until_true(sub { (() = $w->peer_out('late') =~ /^\d+ \w+$/mg) > $lines });
    $lines++;
    return $m->status eq '200' && $said ? $m->body : "status $m->{status}, " . ($m->ended // '');
}

# The harness has made a connection to see whether it listens.
my $first = asked('nothing');
is(asked('nothing'), $first, 'a kept connection');
for my $what (qw(ticket tickets update updates)) {
    is(asked($what), $first, "it goes on ($what)");
    is(asked('nothing', body => 'not to be repeated'), $first, '... and is used next, for a request that cannot be repeated');
}
ok(asked('mixed') eq "$first " . 'x' x 100_000, 'tickets and changes of keys inside an answer');
is(asked('nothing'), $first, '... and behind it');

my $at = $first;
for my $what (qw(data notify fin)) {
    is(asked($what), $at, "the answer before that ($what)");
    my $now = asked('nothing', body => 'not to be repeated');
    is($now, ++$at, '... and a new connection for the next, whatever it is');
}
my $end = $w->ended_requests;
is(join(' ', grep { $end->{$_}{reason} } sort keys %$end), '', 'nothing has failed');
done_testing;
