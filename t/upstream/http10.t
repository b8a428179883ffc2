# Upstreams of HTTP/1.0: their answers end by length or by closing, and reach
# an HTTP/1.1 client with framing of its own.
use v5.36;
use Test::More;
use Weir;

my %answer = (
    '/length' => "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    '/close'  => "HTTP/1.0 200 OK\r\n\r\nhello",
    '/keep'   => "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    '/empty'  => "HTTP/1.0 200 OK\r\n\r\n",
    '/coding' => "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
);
my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        $c->send($answer{ $m->target });
        return $m->target eq '/keep' ? '' : 'stop';
    });
} });

my $c = $w->conn;
for my $path (qw(/length /close /keep /keep /empty /length)) {
    my $m = $w->get($path, on => $c);
    is($m->body, $path eq '/empty' ? '' : 'hello', "$path: the body");
    ok($m->clean, 'ended cleanly');
    is($m->version, '1.1', 'in a message of 1.1');
    ok(!$m->closes, 'on a connection that goes on');
}
is($w->get('/coding')->status, 502, 'a coding in HTTP/1.0 is faulty framing');

done_testing;
