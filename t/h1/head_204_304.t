# Answers that have no body whatever their length says neither hang nor pass a
# body, and both connections can be used again.
use v5.36;
use Test::More;
use Weir;

my %answer = (
    '/length'  => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    '/chunked' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    '/none'    => "HTTP/1.1 200 OK\r\n\r\n",
    '/204'     => "HTTP/1.1 204 No Content\r\n\r\n",
    '/204len'  => "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    '/204te'   => "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    '/304'     => "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"a\"\r\n\r\n",
    '/304te'   => "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    '/zero'    => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
);
my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/here = status:200 some text
INI
    $c->each_request(sub ($c, $m) { $c->send($answer{ $m->target } // "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext") });
} });

my $c = $w->conn;
for my $path (qw(/length /chunked /none)) {
    my $m = $w->get($path, on => $c, method => 'HEAD');
    is($m->status, 200, "HEAD $path");
    is($m->field('Content-Length'), 1000, 'keeps the length') if $path eq '/length';
    is($w->get('/next', on => $c)->body, 'next', 'and the connection goes on');
}
for my $path (sort grep { /^\/[23z]/ } keys %answer) {
    my $m = $w->get($path, on => $c);
    like($m->status, qr/^(?:200|204|304)$/, "GET $path");
    ok(!$m->has('Transfer-Encoding'), 'has no coding');
    ok(!$m->has('Content-Length'), '204 has no length') if $m->status == 204;
    is($w->get('/next', on => $c)->body, 'next', 'and the connection goes on');
}
# A 204 with a coding is no good 204: its connection may be given up.
is($w->upstream_conns('app'), 2, 'on one upstream connection, but for the coding where none may be');

my $m = $w->get('/here', on => $c, method => 'HEAD');
is($m->status, 200, "HEAD of weir's own answer");
is($w->get('/here', on => $c)->status, 200, 'has no body either');

done_testing;
