# Clients that leave: 499 and the upstream is let go; one that only ends its
# own direction still gets its answer.
use v5.36;
use Test::More;
use Socket qw(IPPROTO_TCP);
use Time::HiRes 'sleep';
use Weir;

use constant TCP_LINGER2 => 8;
my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@, unix:@DIR@/front.sock
/* = 127.0.0.1:@UPSTREAM:app@
INI
    my $m = $c->recv_request(head_only => 1) or return;
    if ($m->target eq '/half') { sleep 0.1; $c->respond(200, 'late'); return }
    if ($m->target eq '/body') {
        my $body = $c->read_body($m);
        $c->note('body ' . (defined $body ? 'whole' : 'cut'));
        return;
    }
    $c->send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nbegin") if $m->target =~ m{/inside|/stream};
    $c->note("begun " . $m->target);
    my $how = $c->closed(timeout => 30);
    $c->note("ended " . $m->target . " $how");
} });

# FIN alone: whether the client waits for its answer or is gone is found out by probing it.  Its kernel
# remembers such a connection for a minute; here for a second.
for my $path (qw(/silent /stream)) {
    my $c = $w->conn;
    $c->send($w->request_text($path));
    ok($w->wait_note(qr{begun $path}), "$path is in flight");
    $c->recv_response(head_only => 1) if $path eq '/stream';
    setsockopt($c->sock, IPPROTO_TCP, TCP_LINGER2, pack 'i', 1) or die $!;
    $c->close;
}

my $c = $w->conn;
$c->send($w->request_text('/waiting'));
ok($w->wait_note(qr{begun /waiting}), 'a request is in flight');
$c->reset;
ok($w->wait_note(qr{ended /waiting (?:fin|rst)}), 'the upstream is told when the client resets');

$c = $w->conn;
$c->send($w->request_text('/inside'));
$c->recv_response(head_only => 1);
$c->reset;
ok($w->wait_note(qr{ended /inside (?:fin|rst)}), 'inside a response too');

$c = $w->conn;
$c->send($w->request_text('/half'));
$c->shutdown_write;
is($c->recv_response->body, 'late', 'half a close after a whole request: it is answered');
is($c->closed(timeout => 5), 'fin');

$c = $w->conn;
$c->send("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
ok(Weir::until_true(sub { grep { $_->target eq '/body' } grep { defined $_->target } $w->upstream_got('app') }), 'an upload begins');
$c->close;
is($w->wait_note(qr/ body /) =~ s/.* body //r, 'cut', 'the upstream can tell that it was not finished');

$c = $w->conn;
$c->send("GET /head HTTP/1.1\r\nHo");
$c->close;

for my $path (qw(/silent /stream)) {
    ok($w->wait_note(qr{ended $path (?:fin|rst)}, 20), "a client that closed without a reset: the upstream of $path is told");
}
$c = $w->conn(unix => $w->dir . '/front.sock');
$c->send($w->request_text('/unix'));
ok($w->wait_note(qr{begun /unix}), 'a request over a unix socket');
$c->close;
ok($w->wait_note(qr{ended /unix (?:fin|rst)}, 3), 'there it shows at once');

my $end = $w->ended_requests;
is("$end->{'/silent'}{status} $end->{'/silent'}{reason}", '499 client_closed', 'in the log: gone before an answer');
is($end->{'/stream'}{reason}, 'client_closed', 'gone inside a stream');
is("$end->{'/waiting'}{status} $end->{'/waiting'}{reason}", '499 client_closed', 'in the log: before an answer');
is($end->{'/inside'}{reason}, 'client_closed', 'inside one');
is("$end->{'/body'}{status} $end->{'/body'}{reason}", '499 client_closed_body', 'inside the body');
is("$end->{'/half'}{status} $end->{'/half'}{reason}", '200 ', 'half a close is no failure');

done_testing;
