# An answer without length ends with its connection; the client is given
# chunks, and a broken end when the upstream's was one.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" . pattern(300_000));
        if ($m->target eq '/reset') { $c->wait_gate('reset'); $c->reset }
        return 'stop';
    });
} });

my $c = $w->conn;
my $m = $w->get('/a', on => $c);
ok($m->clean && $m->body eq pattern(300_000), 'whole');
is($m->framing, 'chunked', 'in chunks');
is($w->get('/b', on => $c)->status, 200, 'the client connection goes on');

$c->send($w->request_text('/reset'));
$m = $c->recv_response(head_only => 1);
$w->open_gate('reset');
$m = $c->recv_body_of($m);
ok(!$m->clean, 'a reset does not look like an end') or diag($m->ended);
is($w->get('/c')->body, pattern(300_000), 'and does no harm to the next');

my $end = $w->ended_requests;
is($end->{'/a'}{reason}, '', 'the end is no failure');
like($end->{'/reset'}{reason}, qr/^upstream_(?:reset|truncated)$/, 'a reset is');
done_testing;
