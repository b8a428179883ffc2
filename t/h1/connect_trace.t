# CONNECT and TRACE are not served.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

my $c = $w->conn;
$c->send("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
my $m = $c->recv_response;
is($m->status, 405, 'CONNECT');
is($w->get('/trace', method => 'TRACE', fields => [ 'X-Secret' => 'a' ])->status, 405, 'TRACE');
is(scalar(grep { $_->method =~ /CONNECT|TRACE/ } $w->upstream_got('app')), 0, 'nothing of them goes upstream');
is($w->ended_requests->{'/trace'}{reason}, 'method_refused', 'method_refused in the log');

done_testing;
