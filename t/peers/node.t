# node's http client before weir and its http server behind it, with all the
# events that they have.  node_client.js asks, node_origin.js answers.
use v5.36;
use Cwd 'abs_path';
use Digest::SHA 'sha256_hex';
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(start => 0, conf => <<'INI', log => 'json');
[upstream app]
server = 127.0.0.1:@UPSTREAM:node@
[upstream idle]
server = 127.0.0.1:@UPSTREAM:node@
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
/idle = idle
INI
$w->peer(node => 'node', abs_path('t/peers/node_origin.js'), $w->upstream_port('node'));
$w->upstream_listens('node') or BAIL_OUT('node does not start');
$w->start;

# What the origin told, of one kind.
sub told ($what) { grep { $_->{what} eq $what } map { decode_json($_) } grep { /^\{.*\}$/ } split /\n/, $w->peer_out('node') }

open my $client, '-|', 'node', 't/peers/node_client.js', $w->port or die "node: $!";
my %got;
while (my $line = readline $client) {
    my $piece = decode_json($line);
    $got{ $piece->{name} } = $piece->{result};
}
close $client;
is($?, 0, 'the client comes to its end');
my $yes = JSON::PP::true;

my $upstream = delete $got{keepalive}{upstream};
is_deeply($got{keepalive}, { good => 200, sockets => 4 }, '200 requests on the four connections of an agent');
cmp_ok($upstream, '<=', 4, 'and no more upstream');
my $head = $w->get('/echo', on => $w->conn(to => '127.0.0.1:' . $w->upstream_port('node')));
is($head->field('Keep-Alive'), 'timeout=5', 'the origin announces how long it keeps a connection');
my $length = delete $got{head}{length};
is_deeply($got{head}, { status => 200, bytes => 0, keepAlive => undef, same => $yes }, 'which is not for the client; HEAD, and the connection goes on');
cmp_ok($length, '>', 100, 'with the length of what GET has');
is_deeply($got{empty}, { status => 204, bytes => 0, framing => undef, same => $yes }, 'status 204');
is_deeply($got{cached}, { status => 304, etag => '"tag"', bytes => 0, after => '200 cached', same => $yes }, 'status 304');
is_deeply($got{cookies}, [ 'a=1; Path=/', 'b=2; HttpOnly' ], 'a field that comes twice');
my $chunked = join '', map { chr(97 + $_ % 26) x 65536 } 0 .. 63;
is_deeply($got{chunked}, { framing => 'chunked', complete => $yes, bytes => 1 << 22, sha256 => sha256_hex($chunked) }, '4 MB in chunks');
is_deeply($got{upload}, { method => 'POST', framing => 'chunked', bytes => 1_000_000, good => $yes, trailer => $yes },
    'an upload in chunks, and its trailer');
is_deeply($got{expect}, { continued => 1, status => 200, bytes => 10, good => $yes, after => 200 }, 'Expect: the client is told to go on, once');
is_deeply($got{refused}, { continued => 0, status => 403, body => 'refused', connection => 'close' }, 'or refused, and not told');
is_deeply([ map { $_->{url} } told('expected') ], [qw(/echo /refused)], 'as the origin decided');
is_deeply($got{trailers}, { body => 'a body', announced => 'X-Sum', good => $yes }, 'trailers of an answer');
is_deeply($got{hints}, { status => 200, body => 'hinted', informs => [
    { status => 103, link => '</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script' }, { status => 102 } ] },
    'early hints and 102 before the answer');
is($got{cut}, 'ECONNRESET', 'an answer that breaks off is not taken for a whole one');
like($got{abort}, qr/^the beginning/, 'a client that goes inside an answer');
is_deeply((until_true(sub { [ told('left') ]->[0] }) // {})->{whole}, JSON::PP::false, 'and the origin knows');
is_deeply($got{upgrade}, { status => 101, upgrade => 'websocket', accepted => $yes,
    frames => [ '1 hello', map({ "1 message $_" } 1 .. 3), '8 ' ] }, 'a WebSocket to its end');
is_deeply($got{unknown}, { status => 404, body => 'none' }, 'an upgrade that the origin does not know');

# weir leaves a connection that the origin will soon end, so that no request meets that end.
my $idle = until_true(sub { (grep { $_->{conn} eq ($got{idle} // '') } told('closed'))[0] });
is($idle && $idle->{by}, 'peer', 'an idle connection is ended by weir before node does');

my $end = $w->ended_requests;
is($end->{'/cut'}{reason}, 'upstream_truncated', 'in the log: what broke off');
is($end->{'/beats'}{reason}, 'client_closed', 'who went');
is_deeply([ sort grep { $end->{$_}{reason} } keys %$end ], [qw(/beats /cut)], 'and nothing else failed');
is($end->{'/socket'}{status}, 101, 'the WebSocket');

done_testing;
