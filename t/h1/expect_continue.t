# Expect: 100-continue: the question goes to the upstream, whose answer tells the
# client to go on or not; weir answers in its own name where no upstream will.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo', old => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/small/* = 127.0.0.1:@UPSTREAM:app@
/old/* = 127.0.0.1:@UPSTREAM:old@
/picky/* = 127.0.0.1:@UPSTREAM:picky@
/deaf/* = 127.0.0.1:@UPSTREAM:deaf@
/here = status:403 no
[route /small/*]
body_limit = 10
INI
    while (my $m = $c->recv_request(head_only => 1)) {
        my $body = $c->read_body($m);
        $c->send("HTTP/1.0 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: keep-alive\r\n\r\n$body");
    }
}, picky => sub ($c) {
    # Looks at the head alone: no says no, maybe goes on, twice.
    while (my $m = $c->recv_request(head_only => 1)) {
        if ($m->target =~ /stay/) {
            # Answers without having read the body, which is there by then.
            $c->note('asked');
            $c->fill(time + 10) while length $c->{in} < $m->field('Content-Length') && !$c->{ended};
            $c->respond(401, 'who?', 'Content-Length' => 4);
            next;
        }
        $c->fill(time + 5) if $m->target =~ /smuggled/; # whose request will get this answer?
        if ($m->target =~ /no/) { $c->respond(401, 'who?', 'Content-Length' => 4); last }
        $c->send("HTTP/1.1 100 Continue\r\nX-Hint: yes\r\n\r\n" x 2);
        $c->respond(200, $c->read_body($m));
    }
}, deaf => sub ($c) {
    # Never heard of Expect: reads the body first.
    while (my $m = $c->recv_request(head_only => 1)) {
        $c->respond(200, join ',', $m->all('Expect'), $c->read_body($m));
    }
} });

sub head ($path, $fields) { "POST $path HTTP/1.1\r\nHost: localhost\r\n$fields\r\n" }

my $c = $w->conn;
$c->send(head('/wait', "Expect: 100-continue\r\nContent-Length: 5\r\n"));
like($c->recv_head, qr{^HTTP/1\.1 100 Continue\r}, 'told to go on');
$c->send('hello');
my $m = $c->recv_response;
my $d = decode_json($m->body);
is($d->{body}, 'hello', 'the body arrives');
is_deeply([ Weir::echoed($d, 'Expect') ], ['100-continue'], 'the upstream was asked');
is(scalar $m->informs, 0, 'told once');
$c->send(head('/again', "Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n"));
like($c->recv_head, qr{^HTTP/1\.1 100 }, 'the next request on the connection, in capitals, chunked');
$c->send("3\r\nabc\r\n0\r\n\r\n");
$d = decode_json($c->recv_response->body);
is($d->{body}, 'abc');
is("$d->{conn} $d->{number}", '1 2', 'the upstream connection was kept');

$c = $w->conn;
$c->send(head('/impatient', "Expect: 100-continue\r\nContent-Length: 5\r\n") . 'hello');
$d = decode_json($c->recv_response->body);
is($d->{body}, 'hello', 'a client that does not wait');
is_deeply([ Weir::echoed($d, 'Expect') ], [], 'is no question');

$c->send(head('/picky/maybe', "Expect: 100-continue\r\nContent-Length: 5\r\n"));
like($c->recv_head, qr{^HTTP/1\.1 100 Continue\r\nX-Hint: yes\r\n\r\n\z}, 'what the upstream says comes as it was said');
$c->send('hello');
$m = $c->recv_response;
is($m->status . ' ' . $m->body . ' ' . join(',', map { $_->status } $m->informs), '200 hello 100', 'and as often');

# Told to go on, a client has all the time that an upload has.
$c->send(head('/wait', "Expect: 100-continue\r\nContent-Length: 10\r\n"));
like($c->recv_head, qr{^HTTP/1\.1 100 }, 'a slow upload begins');
$c->send('hello');
ok($c->silent(1.3), 'that pauses for longer than weir waits for a 100');
$c->send('world');
is(decode_json($c->recv_response->body)->{body}, 'helloworld', 'and is not cut off');

$c->send(head('/picky/no', "Expect: 100-continue\r\nContent-Length: 5\r\n"));
$m = $c->recv_response;
is($m->status . ' ' . $m->body, '401 who?', 'an upstream that says no');
is(scalar $m->informs, 0, 'without 100');
is($m->field('Connection'), 'close', 'the client shall not send the body, nor anything that could be taken for it');
is($c->closed(timeout => 5), 'fin');

# An upstream that answers early and keeps the connection would take the body for a request.
$c = $w->conn;
my $body = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
$c->send(head('/picky/stay', "Expect: 100-continue\r\nContent-Length: " . length($body) . "\r\n"));
ok($w->wait_note(qr/asked/), 'a client that is told nothing');
$c->send($body);
is($c->recv_response->status, 401, 'and sends a body that looks like a request');
my $conns = $w->upstream_conns('picky');
is($w->get('/picky/no/1')->status, 401, 'and the next request');
is($w->upstream_conns('picky'), $conns + 1, 'goes over another connection');

$c = $w->conn;
$c->send(head('/deaf/', "Expect: 100-continue\r\nContent-Length: 5\r\n"));
my $took = Weir::elapsed(sub { like($c->recv_head, qr{^HTTP/1\.1 100 }, 'of an upstream that does not know Expect, weir tells the client') });
cmp_ok($took, '>=', 0.9, 'after a second');
$c->send('hello');
is($c->recv_response->body, '100-continue,hello', 'and the body arrives');

# The first response of an HTTP/1.0 server tells that it is one.
is($w->get('/old/', body => 'a')->body, 'a', 'an HTTP/1.0 upstream');
$c->send(head('/old/', "Expect: 100-continue\r\nContent-Length: 5\r\n"));
$took = Weir::elapsed(sub { like($c->recv_head, qr{^HTTP/1\.1 100 }, 'is not asked: weir answers') });
cmp_ok($took, '<', 0.9, 'at once');
$c->send('hello');
is($c->recv_response->body, 'hello');
is((grep { $_->has('Expect') } $w->upstream_got('old')) + 0, 0, 'it never sees Expect');

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
is($m->field('Connection'), 'close', 'and ends the connection');

$c = $w->conn;
$c->send("POST /http10 HTTP/1.0\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
$m = $c->recv_response;
is($m->status, 200, 'HTTP/1.0');
is(scalar $m->informs, 0, 'gets no 100');

is($w->get('/other', fields => [ Expect => 'a-pony' ], body => 'x')->status, 417, 'another expectation');

is($w->ended_requests->{'/other'}{reason}, 'bad_expect', 'bad_expect in the log');
done_testing;
