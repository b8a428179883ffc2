# buffer = request: the upstream hears of a request when all of it is here; the
# client is told to go on by weir itself; what is large waits in a file.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/small/* = 127.0.0.1:@UPSTREAM:app@
/here = status:200 here
[route /*]
buffer = request
[route /small/*]
buffer = request
buffer.file = 100k
INI
    $c->each_request(sub ($c, $m) {
        my $good = $m->clean && $m->body eq pattern(length $m->body) ? 'good' : 'bad';
        $c->respond(200, length($m->body) . " $good " . join ',', $m->all('Content-Length'), $m->all('Transfer-Encoding'));
    });
} });

for my $size (0, 1, 10_000, 100_000, 3_000_000) {
    my $c = $w->conn;
    my $before = $w->upstream_got('app');
    my $text = $w->request_text("/$size", body => pattern($size));
    my $half = length($text) - 1 - int $size / 2;
    $c->send(substr $text, 0, $half);
    is($w->get('/here')->status, 200);    # weir has had its turn
    is(scalar $w->upstream_got('app'), $before, "$size bytes: the upstream hears nothing of half of it") if $size;
    $c->send(substr $text, $half);
    like($c->recv_response->body, qr/^$size good/, 'and gets it whole');
}

my $c = $w->conn;
$c->send("POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
$c->chunk(pattern(1 << 16)) for 1 .. 10;
$c->send("0\r\n\r\n");
like($c->recv_response->body, qr/^655360 good/, 'chunks');

$c = $w->conn;
$c->send("POST /expect HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
like($c->recv_head // '', qr{^HTTP/1\.1 100 }, 'told to go on');
is(scalar(grep { $_->target eq '/expect' } $w->upstream_got('app')), 0, 'by weir itself');
$c->send(pattern(10));
like($c->recv_response->body, qr/^10 good/);

like($w->get('/small/ok', body => pattern(50_000))->status, qr/200/, 'what fits into buffer.file');
like($w->get('/small/big', body => pattern(3_000_000))->status, qr/^(?:413|50\d)$/, 'and what does not');
is(scalar(grep { $_->target eq '/small/big' } $w->upstream_got('app')), 0, 'is not sent');
is($w->ended_requests->{'/small/big'}{reason}, 'spool_full', 'spool_full in the log');
done_testing;
