# Trailer fields pass both ways, but for those that would mean something in a
# head; towards a client only when it said that it takes them.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo', down => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/up/* = 127.0.0.1:@UPSTREAM:app@
/down/* = 127.0.0.1:@UPSTREAM:down@
INI
    $c->each_request(sub ($c, $m) {
        $c->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: X-Secret\r\n\r\n");
        $c->chunk('body');
        $c->send("0\r\nX-Sum: 42\r\nX-Secret: 1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\n\r\n");
    });
} });

sub upload ($trailers) {
    my $c = $w->conn;
    $c->send("POST /up/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n4\r\nbody\r\n0\r\n$trailers\r\n");
    return $c->recv_response;
}
my $m = upload("X-Sum: 42\r\nX-Hop: 1\r\nContent-Length: 3\r\nHost: b\r\n");
my $d = decode_json($m->body);
is($d->{body}, 'body', 'a request with trailers');
my %trailer = map { lc $_->[0] => $_->[1] } @{ $d->{trailers} };
is($trailer{'x-sum'}, '42', 'a trailer goes upstream');
ok(!exists $trailer{$_}, "but $_ does not") for qw(x-hop content-length host);
is(upload("X Bad: 1\r\n")->status, 400, 'a malformed trailer is refused');
is(upload("X-Long: " . 'x' x 100_000 . "\r\n")->status, 400, 'and one without bound');

my $c = $w->conn;
$m = $w->get('/down/', on => $c, fields => [ TE => 'trailers', Connection => 'TE' ]);
is($m->body, 'body', 'an answer with trailers');
is($m->trailer('X-Sum'), '42', 'whose trailer arrives when the client takes trailers');
ok(!defined $m->trailer($_), "but not $_") for qw(X-Secret Content-Length Transfer-Encoding);
$m = $w->get('/down/', on => $c);
ok($m->clean && $m->body eq 'body', 'a client that did not say so gets the body');
is_deeply($m->{trailers}, [], 'and no trailers');
is($w->get('/down/', version => '1.0')->body, 'body', 'nor does HTTP/1.0');

done_testing;
