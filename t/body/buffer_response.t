# What is read ahead for a slow client: without a word a response of up to
# buffer.response frees its upstream, beyond it there is back-pressure; with
# buffer = response a file takes the rest.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/file/* = 127.0.0.1:@UPSTREAM:app@
/cut/* = 127.0.0.1:@UPSTREAM:app@
[route /file/*]
buffer = response
[route /cut/*]
buffer = response
INI
    $c->each_request(sub ($c, $m) {
        return $c->respond(200, $c->number, Connection => 'close') && 'stop' if $m->target eq '/who';
        my ($n) = $m->target =~ /(\d+)/;
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: $n\r\n\r\n");
        my $cut = $m->target =~ /cut/ ? $n / 2 : 0;
        my $sent = 0;
        while ($sent < $n - $cut) { $sent += $c->send(pattern(65536 < $n - $sent ? 65536 : $n - $sent)) || last }
        $c->note("sent $n");
        return $cut ? 'stop' : '';
    });
} });

sub ask ($path) {
    my $c = $w->conn(rcvbuf => 8192);
    $c->send($w->request_text($path));
    return ($c, $c->recv_response(head_only => 1));
}
sub whole ($c, $m, $n) {
    my $got = $c->recv_body_of($m, timeout => 60);
    my $want = substr pattern(65536) x (1 + $n / 65536), 0, $n;
    return $got->clean && $got->body eq $want;
}

my ($c, $m) = ask('/200000');
ok($w->wait_note(qr/sent 200000/), 'a response of 200 kB leaves its upstream although the client reads nothing');
ok(until_true(sub { $w->get('/who')->body eq '1' }), 'whose connection serves another');
ok(whole($c, $m, 200_000), 'the client has it whole');

($c, $m) = ask('/40000000');
ok(!$w->wait_note(qr/sent 40000000/, 0.5), 'one of 40 MB waits for its client');
ok(whole($c, $m, 40_000_000), 'who gets it whole');
ok($w->wait_note(qr/sent 40000000/), 'and then the upstream is done');

($c, $m) = ask('/file/30000000');
ok($w->wait_note(qr/sent 30000000/, 20), 'with buffer = response it leaves its upstream at once');
ok(whole($c, $m, 30_000_000), 'and reaches its client whole');

($c, $m) = ask('/cut/20000000');
my $got = $c->recv_body_of($m);
ok(!$got->clean, 'one that was cut is seen to be short, from a file too');
is($w->ended_requests->{'/cut/20000000'}{reason}, 'upstream_truncated', 'upstream_truncated in the log');
done_testing;
