# Connections to upstreams are kept: the one used last goes first, none beyond
# what its server announced, none that said something unasked or was ended.
use v5.36;
use Test::More;
use Time::HiRes 'sleep';
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) {
[upstream app]
server = 127.0.0.1:@UPSTREAM:app@
[upstream off]
server = 127.0.0.1:@UPSTREAM:off@
keepalive = off
[upstream two]
server = 127.0.0.1:@UPSTREAM:two@
keepalive = 2
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
/off/* = off
/two/* = two
INI
    $c->each_request(sub ($c, $m) {
        my $t = $m->target;
        if (my ($gate) = $t =~ m{^/gate/(\w+)}) { $c->note("at $gate"); $c->wait_gate($gate) }
        $c->respond(200, $m->method eq 'HEAD' ? '' : $c->number, $t =~ /timeout/ ? ('Keep-Alive' => 'timeout=1') : $t =~ /close/ ? (Connection => 'close') : ());
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison") && $c->note('poison') if $t =~ /more/;
        if ($t =~ /quiet/) { $c->wait_gate('quiet'); $c->send('x'); }
        return $t =~ /fin/ ? 'stop' : '';
    });
}, off => 'echo', two => sub ($c) {
    $c->each_request(sub ($c, $m) { my ($g) = $m->target =~ /(\w+)$/; $c->note("two $g"); $c->wait_gate("two.$g"); $c->respond(200, $c->number) });
} });

sub conn_of ($path, %o) { $w->get($path, %o)->body }

is(conn_of('/1'), 1, 'the first request opens a connection');
is(conn_of('/2'), 1, 'the second uses it, from another client too');
is(conn_of('/3', body => 'x'), 1, 'a POST too');
is(conn_of('/4', method => 'HEAD'), '', 'HEAD');
is(conn_of('/5'), 1, 'and after it');

# Two at once; the one that ends last is the one used next.
my ($a, $b) = ($w->conn, $w->conn);
$a->send($w->request_text('/gate/a'));
$w->wait_note(qr/at a/);
$b->send($w->request_text('/gate/b'));
$w->wait_note(qr/at b/);
$w->open_gate('a');
is($a->recv_response->body, 1);
$w->open_gate('b');
is($b->recv_response->body, 2, 'a second connection while the first is busy');
is(conn_of('/lifo'), 2, 'the one that was used last is used next');
is(conn_of('/close'), 2);
is(conn_of('/6'), 1, 'one that said close is not used again');
is(conn_of('/fin'), 1);
sleep 0.05;
is(conn_of('/7', body => 'not repeatable'), 3, 'nor one that was ended while idle, for any method');

is(conn_of('/timeout'), 3);
sleep 0.4;
is(conn_of('/timeout'), 3, 'within the time that its server announced');
sleep 0.9;
is(conn_of('/8'), 4, 'none at over 80% of it');

is(conn_of('/more'), 4);
$w->wait_note(qr/poison/);
is($w->get('/9')->body, 5, 'bytes behind an answer end the connection and poison nothing');
is(conn_of('/quiet'), 5);
$w->open_gate('quiet');
sleep 0.05;
is(conn_of('/10'), 6, 'nor do bytes that come while it is idle');

$w->get('/off/') for 1 .. 3;
is($w->upstream_conns('off'), 3, 'keepalive = off: a connection a request');

my @c = map { $w->conn } 1 .. 4;
for my $n (1 .. 4) { $c[ $n - 1 ]->send($w->request_text("/two/$n")); $w->wait_note(qr/two $n/) }
for my $n (1 .. 4) { $w->open_gate("two.$n"); $c[ $n - 1 ]->recv_response }
for my $n (1 .. 4) { $c[ $n - 1 ]->send($w->request_text("/two/more$n")); $w->wait_note(qr/two more$n/) }
is($w->upstream_conns('two'), 6, 'keepalive = 2: two of four were kept');
$w->open_gate("two.more$_") for 1 .. 4;

done_testing;
