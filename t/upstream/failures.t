# Servers that fail in every way that a server can, at a first and only server
# and with another one beside it: what the client sees, which reason is logged,
# and what the server's state becomes.
use v5.36;
use Test::More;
use Weir;

# What a bad server does with a request, and what comes of it.
#   alone: status (or how the answer ends) and reason when there is no other server
#   get, post: status of a GET and of a POST with a second, good server
#   state: what one such failure (with `eject = 1 error ...`) makes of the server
my %ways = (
    refuses       => { alone => '502 upstream_connect',          get => 200, post => 200, state => 'ejected' },
    blackhole     => { alone => '504 upstream_connect_timeout',  get => 200, post => 200, state => 'ejected' },
    hangs         => { alone => '504 upstream_first_byte',       get => 200, post => 504, state => 'ejected' },
    closes        => { alone => '502 upstream_closed',           get => 200, post => 502, state => 'ejected' },
    reset_before  => { alone => '502 upstream_reset',            get => 200, post => 502, state => 'ejected' },
    reset_in_head => { alone => '502 upstream_reset',            get => 200, post => 502, state => 'ejected' },
    reset_in_body => { alone => '200 upstream_truncated short',  get => 'short', post => 'short', state => 'ejected' },
    garbage       => { alone => '502 upstream_bad_status_line',  get => 200, post => 502, state => 'ejected' },
    error_500     => { alone => '500 ',                          get => 500, post => 500, state => 'ejected' },
    error_503     => { alone => '503 ',                          get => 200, post => 503, state => 'ejected' },
    slow_head     => { alone => '200 ',                          get => 200, post => 200, state => 'up' },
    slow_body     => { alone => '200 ',                          get => 200, post => 200, state => 'up' },
    stalls        => { alone => '200 upstream_idle short',       get => 'short', post => 'short', state => 'ejected' },
    not_found     => { alone => '404 ',                          get => 404, post => 404, state => 'up' },
);

my %script = (
    hangs         => sub ($c) { $c->recv_request or return; $c->closed(timeout => 20) },
    closes        => sub ($c) { $c->recv_request },
    reset_before  => sub ($c) { $c->recv_request or return; $c->reset },
    reset_in_head => sub ($c) { $c->recv_request or return; $c->send("HTTP/1.1 200 OK\r\nContent-"); $c->silent(0.2); $c->reset },
    reset_in_body => sub ($c) { $c->recv_request or return; $c->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"); $c->silent(0.2); $c->reset },
    garbage       => sub ($c) { $c->recv_request or return; $c->send("\x16\x03\x01\x02\x00 nonsense\r\n\r\n") },
    error_500     => sub ($c) { while ($c->recv_request) { $c->respond(500, 'bad') } },
    error_503     => sub ($c) { while ($c->recv_request) { $c->respond(503, 'bad') } },
    not_found     => sub ($c) { while ($c->recv_request) { $c->respond(404, 'bad') } },
    slow_head     => sub ($c) { while ($c->recv_request) { select undef, undef, undef, 0.3; $c->respond(200, 'bad') } },
    slow_body     => sub ($c) { while ($c->recv_request) { $c->send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nb"); select undef, undef, undef, 0.3; $c->send('ad') } },
    stalls        => sub ($c) { $c->recv_request or return; $c->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"); $c->closed(timeout => 20) },
);

my $conf = <<'INI';
[weir]
workers = 1
error_log = @DIR@/error.log info
[defaults]
timeout.connect = 300ms
timeout.first_byte = 700ms
timeout.idle = 700ms
retry = connect idempotent status:503
INI
my $routes = '';
for my $way (sort keys %ways) {
    $conf .= <<"INI";
[upstream alone_$way]
server.bad = 127.0.0.1:\@UPSTREAM:$way\@
eject = 1 error in 10s for 1h, at most 100%
[upstream two_$way]
server.bad = 127.0.0.1:\@UPSTREAM:$way\@
server.good = 127.0.0.1:\@UPSTREAM:good\@ backup
eject = 1 error in 10s for 1h, at most 50%
INI
    $routes .= "/alone/$way = alone_$way\n/two/$way = two_$way\n";
}
my $w = Weir->new(start => 0, log => 'json', conf => "$conf\[server *]\nlisten = 127.0.0.1:\@PORT:http\@\n$routes",
    upstream => { %script, good => sub ($c) { while ($c->recv_request) { $c->respond(200, 'good') } } });
$w->upstream_port('refuses');
$w->deaf_upstream('blackhole');
$w->start;

sub outcome ($m) { return $m->status eq '200' && $m->ended ne '' && $m->ended !~ /clean|complete/ ? 'short' : $m->status }
sub state_of ($upstream, $server) {
    my ($u) = grep { $_->{name} eq $upstream } @{ $w->ctl_json('upstreams') };
    return (grep { $_->{name} eq $server } @{ $u->{servers} })[0]{state};
}

for my $way (sort keys %ways) {
    my $want = $ways{$way};
    my $m = $w->get("/alone/$way");
    my ($status, $reason, $short) = split / /, $want->{alone};
    is($m->status, $status, "$way: $status");
    isnt(outcome($m), '200', "$way: the client sees that it is short") if $short;
    my $log = until_true(sub { (grep { $_->{request_uri} eq "/alone/$way" } $w->access)[0] });
    is($log->{reason}, $reason // '', "$way: " . ($reason ? "reason $reason" : 'no reason'));
    is(state_of("alone_$way", 'bad'), $want->{state}, "$way: the server is $want->{state}");

    is(outcome($w->get("/two/$way")), $want->{get}, "$way: GET with another server: $want->{get}");
    if ($want->{get} eq '200' && $want->{state} eq 'ejected') {
        my $line = until_true(sub { (grep { $_->{request_uri} eq "/two/$way" } $w->access)[0] });
        my @tries = map { [$_->{status}, $_->{reason}] } @{ $line->{upstream_attempts} // [] };
        my $first = $reason || 'upstream_status';
        is($tries[0][1], $first, "$way: the log line has the first attempt: $first");
        is_deeply($tries[1], [200, ''], "$way: and the second");
    }
    is(state_of("two_$way", 'bad'), $want->{state}, "$way: the bad one is $want->{state}");
    is(state_of("two_$way", 'good'), 'up', "$way: the good one is up");
    if ($want->{state} eq 'ejected') {
        is($w->get("/two/$way", body => 'x')->body, 'good', "$way: a POST after that goes to the good one");
        $w->ctl('ready', "two_$way/bad");
    }
    my $post = $w->get("/two/$way", body => 'x');
    is(outcome($post), $want->{post}, "$way: POST with another server: $want->{post}");
}

# A pooled connection that closes at the worst moment, and a server that comes back: t/upstream/retry.t, t/balance/eject.t.
done_testing;
