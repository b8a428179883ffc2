# A kept connection that dies before a byte of the answer: what may be repeated
# is, once, on a fresh one; the rest is 502 upstream_closed_reused.
use v5.36;
use Test::More;
use Weir;

# Each connection serves one request; at the second it ends without a byte (or as the target says).
my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[weir]
error_log = @DIR@/error.log info
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    my $m = $c->recv_request or return;
    return if $m->target eq '/never' && $c->note('never');
    $c->respond(200, $c->number . " " . $m->body);
    $m = $c->recv_request or return;
    $c->note("died " . $m->target);
    if ($m->target eq '/begun') { $c->send("HTTP/1.1 2") }
    elsif ($m->target eq '/reset') { $c->reset }
} });

sub warm () { $w->get('/warm')->status }

warm;
is($w->get('/get')->body, '2 ', 'GET is repeated on a fresh connection');
is($w->get('/put', method => 'PUT', body => 'x' x 10_000)->body, '3 ' . 'x' x 10_000, 'PUT with its body whole');
is($w->get('/reset')->body, '4 ', 'after a reset too');
is($w->get('/post', body => 'x')->status, 502, 'POST is not');
warm;
my $before = $w->upstream_conns('app');
is($w->get('/never')->status, 502, 'one that fails on the fresh connection as well is not tried again');
is($w->upstream_conns('app') - $before, 1, 'after one more connection');
is(scalar(grep { / never$/ } $w->notes), 1);
warm;
is($w->get('/begun')->status, 502, 'nor one whose answer had begun');

# A body that is too large to be held is not repeated.
warm;
is($w->get('/large', method => 'PUT', body => 'y' x 5_000_000)->status, 502, 'a body that was let go is not repeated');

my $end = $w->ended_requests;
is("$end->{'/get'}{reason} $end->{'/get'}{attempts}", ' 2', 'the log: two attempts, no failure');
is("$end->{'/post'}{reason} $end->{'/post'}{attempts}", 'upstream_closed_reused 1', 'upstream_closed_reused');
is($end->{'/never'}{reason}, 'upstream_closed', 'upstream_closed when it was fresh');
is($end->{'/begun'}{reason}, 'upstream_closed', 'and when a byte had come');
done_testing;
