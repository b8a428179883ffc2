# Expect: 100-continue: the client is told to go on when its body is wanted,
# and not when the answer is already known.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/small/* = 127.0.0.1:@UPSTREAM:app@
/here = status:403 no
[route /small/*]
body_limit = 10
INI

sub head ($path, $fields) { "POST $path HTTP/1.1\r\nHost: localhost\r\n$fields\r\n" }

my $c = $w->conn;
$c->send(head('/wait', "Expect: 100-continue\r\nContent-Length: 5\r\n"));
like($c->recv_head, qr{^HTTP/1\.1 100 }, 'told to go on');
$c->send('hello');
my $m = $c->recv_response;
is(decode_json($m->body)->{body}, 'hello', 'the body arrives');
is(scalar $m->informs, 0, 'told once');
$c->send(head('/again', "Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n"));
like($c->recv_head, qr{^HTTP/1\.1 100 }, 'the next request on the connection, in capitals, chunked');
$c->send("3\r\nabc\r\n0\r\n\r\n");
is(decode_json($c->recv_response->body)->{body}, 'abc');

$c = $w->conn;
$c->send(head('/impatient', "Expect: 100-continue\r\nContent-Length: 5\r\n") . 'hello');
is(decode_json($c->recv_response->body)->{body}, 'hello', 'a client that does not wait');

$c = $w->conn;
$c->send(head('/small/', "Expect: 100-continue\r\nContent-Length: 50\r\n"));
$m = $c->recv_response;
is($m->status, 413, 'too large: refused');
is(scalar $m->informs, 0, 'without being told to send it');

$c = $w->conn;
$c->send(head('/here', "Expect: 100-continue\r\nContent-Length: 50\r\n"));
$m = $c->recv_response;
is($m->status, 403, 'an answer that needs no body');
is(scalar $m->informs, 0, 'comes at once');

$c = $w->conn;
$c->send("POST /old HTTP/1.0\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
$m = $c->recv_response;
is($m->status, 200, 'HTTP/1.0');
is(scalar $m->informs, 0, 'gets no 100');

is($w->get('/other', fields => [ Expect => 'a-pony' ], body => 'x')->status, 417, 'another expectation');

is($w->ended_requests->{'/other'}{reason}, 'bad_expect', 'bad_expect in the log');
done_testing;
