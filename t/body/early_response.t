# An answer to an upload that is not finished is delivered, whether the client
# stops or goes on sending.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/here = status:403 no
/next/* = 127.0.0.1:@UPSTREAM:next@
INI
    my $m = $c->recv_request(head_only => 1) or return;
    $c->recv_n(1000) if $m->target =~ /some/;
    $c->respond(413, pattern(100_000), Connection => 'close', 'Content-Length' => 100_000);
    if ($m->target =~ /reads/) { $c->discard }
    elsif ($m->target =~ /waits/) { $c->wait_gate('waits') }
} }, );
$w->upstream(next => 'echo');

my $size = 20_000_000;
sub head ($path) { "POST $path HTTP/1.1\r\nHost: a\r\nContent-Length: $size\r\n\r\n" }

for my $path (qw(/none /some /some/waits /some/reads /here)) {
    my $c = $w->conn;
    $c->send(head($path) . 'x' x 2000);
    my $m = $c->recv_response(timeout => 5);
    is($m && $m->status, $path eq '/here' ? 403 : 413, "$path: answered while the client waits");
    ok($m && $m->clean, 'whole');
    is(length $m->body, 100_000) if $path ne '/here';

    # A client that sends all the while and only then reads.
    $c = $w->conn;
    $c->send(head($path));
    my $sent = 0;
    while ($sent < $size) {
        my $n = $c->send('x' x 65536, timeout => 2);
        $sent += $n;
        last if $n < 65536;
    }
    $m = $c->recv_response(timeout => 5);
    ok($m && $m->clean && $m->status == ($path eq '/here' ? 403 : 413), "$path: a client that reads late has it too")
        or diag($m ? $m->ended : 'no answer: ' . $c->closed . " after $sent bytes");
}
$w->open_gate('waits');
is($w->get('/next/')->status, 200, 'and weir goes on');

done_testing;
