# Nothing that a client sends becomes a second request to an upstream: what is
# refused or ambiguous ends the connection, and what stands behind it goes
# nowhere.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

my $evil = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
my $n = length $evil;
my $hex = sprintf '%x', $n;
my %attempt = (
    'length and coding'        => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$evil",
    'coding and length'        => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: $n\r\n\r\n0\r\n\r\n$evil",
    'two lengths'              => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: $n\r\n\r\n$evil",
    'a list of lengths'        => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, $n\r\n\r\n$evil",
    'a signed length'          => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n$evil",
    'a hexadecimal length'     => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n$evil",
    'an endless length'        => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n$evil",
    'coding with a blank'      => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n$evil",
    'coding with a tab'        => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n$evil",
    'xchunked'                 => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n$evil",
    'chunked twice'            => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$evil",
    'chunked not last'         => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n$evil",
    'coding folded'            => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n$evil",
    'coding by underscore'     => "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n$evil",
    'coding in 1.0'            => "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$evil",
    'a field behind a bare CR' => "GET / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n$evil",
    'a field behind a bare LF' => "GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: $n\r\n\r\n$evil",
    'a NUL'                    => "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n$evil",
    'a size of chunk too big'  => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1${hex}0000000000000000\r\n$evil",
    'a size with a blank'      => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n$evil",
    'a size with a sign'       => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n$evil",
    'a size with 0x'           => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n$evil",
    'chunk data too long'      => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n$evil",
    'a chunk line by bare LF'  => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n$evil",
    'a last chunk by bare LF'  => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n$evil",
    'an extension with LF'     => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n$evil",
    'an extension with CR'     => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\rb\r\nx\r\n0\r\n\r\n$evil",
);
for my $name (sort keys %attempt) {
    my $c = $w->conn;
    $c->send($attempt{$name});
    my $m = $c->recv_response(timeout => 5);
    my $status = $m ? $m->status : '';
    like($status, qr/^(?:400|431|501|)$/, "refused: $name") unless $name eq 'coding by underscore';
    my $rest = $c->recv_until_close(timeout => 5);
    is(scalar(() = $rest =~ m{^HTTP/1}mg), 0, 'one answer and then the end') unless $name eq 'coding by underscore';
}
my @evil = grep { ($_->target // '') eq '/evil' } $w->upstream_got('app');
# By its length the body of "coding by underscore" is "0\r\n\r\n" and what is behind it is a request of its own.
is(scalar @evil, 1, 'no upstream has seen a request that was not one') or diag(map { $_->{raw} } @evil);
my ($underscore) = grep { ($_->body // '') eq "0\r\n\r\n" } $w->upstream_got('app');
ok($underscore && !$underscore->has('Transfer_Encoding'), 'and a field with an underscore is gone');

# The same in one stream with good requests before it: they are answered.
my $c = $w->conn;
$c->send($w->request_text('/good') . $attempt{'two lengths'});
is($c->recv_response->status, 200, 'the good one before is answered');
is($c->recv_response->status, 400, 'the bad one is refused');
is($c->recv_until_close, '', 'and that is the end');

# A body that looks like a request is a body.
my $d = $w->get_json('/body', body => $evil);
is($d->{body}, $evil, 'a body is a body');
is($w->get('/next')->status, 200);

done_testing;
