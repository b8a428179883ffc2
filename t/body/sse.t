# Unfinished bodies reach the client as they arrive, whatever their framing: the
# upstream sends on only when the client has seen the piece before.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    my $m = $c->recv_request or return;
    my ($how) = $m->target =~ m{^/(\w+)};
    my $length = 3 * length "data: 1\n\n";
    $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        . { chunked => "Transfer-Encoding: chunked\r\n", length => "Content-Length: $length\r\n", close => '' }->{$how} . "\r\n");
    $c->wait_gate("$how.0");
    for my $n (1 .. 3) {
        my $event = "data: $n\n\n";
        $how eq 'chunked' ? $c->chunk($event) : $c->send($event);
        $c->wait_gate("$how.$n");
    }
    $c->send("0\r\n\r\n") if $how eq 'chunked';
} });

for my $how (qw(chunked length close)) {
    my $c = $w->conn;
    $c->send($w->request_text("/$how"));
    my $m = $c->recv_response(head_only => 1);
    is($m && $m->status, 200, "$how: the head comes before any of the body");
    $w->open_gate("$how.0");
    for my $n (1 .. 3) {
        ok(defined $c->recv_to("data: $n\n\n"), "event $n");
        $w->open_gate("$how.$n");
    }
}

# The same upwards: a body arrives piece by piece.
$w->upstream(up => sub ($c) {
    my $m = $c->recv_request(head_only => 1) or return;
    for my $n (1 .. 3) { $c->note("piece $n") if defined $c->recv_to("piece $n\n") }
    $c->recv_to("0\r\n\r\n");
    $c->respond(200, 'ok');
});
$w->configure(<<'INI');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:up@
INI
is($w->reload, 0);
my $c = $w->conn;
$c->send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
for my $n (1 .. 3) {
    $c->chunk("piece $n\n");
    ok($w->wait_note(qr/piece $n/), "piece $n of an upload");
}
$c->send("0\r\n\r\n");
is($c->recv_response->status, 200);

done_testing;
