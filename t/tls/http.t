# HTTP/1.1 over TLS is what it is without: bodies both ways to the byte, many
# requests on a connection, pipelines, HEAD, chunks, 100-continue, slow readers.
use v5.36;
use Digest::SHA 'sha256_hex';
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI', upstream => { app => 'echo', big => 'sized', sum => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
/big/* = 127.0.0.1:@UPSTREAM:big@
/sum/* = 127.0.0.1:@UPSTREAM:sum@
INI
    $c->each_request(sub ($c, $m) { $c->respond(200, join ' ', $m->framing, length $m->body, sha256_hex($m->body)) });
} });
Weir::Certs::make($w->dir);
$w->start;
my $url = 'https://localhost:' . $w->port('https');
my $big = pattern(10 << 20);
my $sum = sha256_hex($big);
$w->write_file('up', $big);

for my $version ('1.2', '1.3') {
    my @curl = ('-k', '--tls-max', $version);
    is(sha256_hex($w->curl(@curl, "$url/big/?bytes=" . length $big)), $sum, "TLS $version: 10 MiB down, to the byte");
    is($w->curl(@curl, '-T', $w->dir . '/up', "$url/sum/"), "length 10485760 $sum", '10 MiB up');
    is($w->curl(@curl, '-H', 'Transfer-Encoding: chunked', '-T', $w->dir . '/up', "$url/sum/"), "chunked 10485760 $sum", 'in chunks');

    my $c = Weir::Tls::stream($w, 'https', max => $version);
    my ($good, %conns) = (0);
    for my $n (1 .. 100) {
        my $d = $w->get_json("/many/$n", on => $c);
        $good++ if ($d->{target} // '') eq "/many/$n";
    }
    is($good, 100, 'a hundred requests on a connection');
    $c->send(join '', map { $w->request_text("/pipe/$_", $_ % 3 ? () : (body => "body $_")) } 1 .. 50);
    is(join(' ', map { my $m = $c->recv_response; $m ? decode_json($m->body)->{target} =~ s{/pipe/}{}r : 'none' } 1 .. 50), join(' ', 1 .. 50), 'fifty in a pipeline, in order');
    my $head = $w->get('/head', on => $c, method => 'HEAD');
    is($head->status, 200, 'HEAD');
    cmp_ok($head->field('Content-Length'), '>', 0, 'has a length');
    is($w->get('/after', on => $c)->status, 200, 'and no body: the next is in step');
    $c->send("PUT /sum/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    like($c->recv_head, qr{^HTTP/1\.1 100 }, 'Expect: the client is told to go on');
    $c->send('body');
    is($c->recv_response->body, 'length 4 ' . sha256_hex('body'), 'and its body is taken');
    $c->send("POST /sum/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    $c->send(sprintf "%x\r\n%s\r\n", length, $_) for map { pattern($_) } 1, 16384, 16385, 100_000;
    $c->send("0\r\n\r\n");
    is($c->recv_response->body, 'chunked 132770 ' . sha256_hex(join '', map { pattern($_) } 1, 16384, 16385, 100_000), 'chunks of any size');
    $c->drip($w->request_text('/drip'));
    is($c->recv_response->status, 200, 'a request byte by byte, a record each');
    $c->close;

    # A client that takes its time, by little windows.
    $c = Weir::Tls::stream($w, 'https', max => $version, rcvbuf => 4096);
    $c->send($w->request_text('/big/?bytes=3000000'));
    my $m = $c->recv_response(head_only => 1);
    my $body = '';
    while (length $body < 3_000_000) {
        my $some = $c->recv_n(length $body < 200_000 ? 2000 : 100_000) // last;
        $body .= $some;
        select undef, undef, undef, 0.002 if length $body < 200_000;
    }
    is(sha256_hex($body), sha256_hex(pattern(3_000_000)), 'a slow reader gets all of a large response');
    is($w->get('/after', on => $c)->status, 200, 'and goes on');
    $c->close;
}
# Both ways at once: an upload whose answer does not wait for its end.
my $c = Weir::Tls::stream($w, 'https');
$c->send($w->request_text('/big/?bytes=1000000', body => pattern(300_000)) . $w->request_text('/sum/', body => pattern(200_000)));
is(sha256_hex($c->recv_response->body), sha256_hex(pattern(1_000_000)), 'an upload and a download on one connection');
is($c->recv_response->body, 'length 200000 ' . sha256_hex(pattern(200_000)), 'and the next upload behind it');

done_testing;
