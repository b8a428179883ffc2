# body_limit: by the length that is announced before anything is read, by
# counting where none is; both are 413.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => 'echo' });
[defaults]
body_limit = 1000
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/free/* = 127.0.0.1:@UPSTREAM:app@
[route /free/*]
body_limit = off
INI

is(length $w->get_json('/fits', body => 'x' x 1000)->{body}, 1000, 'what fits');
my $c = $w->conn;
$c->send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
is($c->recv_response->status, 413, 'a length beyond it, before a byte of the body');
is(scalar(grep { $_->target eq '/length' } $w->upstream_got('app')), 0, 'is not sent upstream');

sub chunks ($path, $n) {
    my $c = $w->conn;
    $c->send("POST $path HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    $c->chunk('x' x 100) for 1 .. $n;
    $c->send("0\r\n\r\n");
    return $c->recv_response(timeout => 5);
}
is(length decode_json(chunks('/chunks', 10)->body)->{body}, 1000, 'chunks that fit');
my $m = chunks('/chunks1', 11);
is($m && $m->status, 413, 'chunks beyond it');
my ($cut) = grep { $_->target eq '/chunks1' } $w->upstream_got('app');
ok(!$cut || !$cut->clean, 'what went upstream has no clean end');
is(chunks('/free/', 100)->status, 200, 'body_limit = off');

my $end = $w->ended_requests;
is($end->{$_}{reason}, 'body_too_large', "$_: body_too_large") for qw(/length /chunks1);
done_testing;
