# The time that an upstream has: each limit has its name, its status and its
# reason, and comes when it should.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $unit = 100 * slow();    # ms
sub ms ($units) { $units * $unit . 'ms' }
my $w = Weir->new(conf => <<"INI", log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:\@PORT:http\@
/connect = 127.0.0.1:\@UPSTREAM:deaf\@
/first_byte = 127.0.0.1:\@UPSTREAM:app\@
/idle = 127.0.0.1:\@UPSTREAM:app\@
/deadline = 127.0.0.1:\@UPSTREAM:app\@
/deadline2 = 127.0.0.1:\@UPSTREAM:app\@
/total = 127.0.0.1:\@UPSTREAM:app\@
/tunnel = 127.0.0.1:\@UPSTREAM:app\@
/busy = 127.0.0.1:\@UPSTREAM:app\@
[route /connect]
timeout.connect = @{[ms 3]}
[route /first_byte]
timeout.first_byte = @{[ms 3]}
[route /idle]
timeout.idle = @{[ms 3]}
[route /deadline]
deadline = @{[ms 3]}
[route /deadline2]
deadline = @{[ms 8]}
timeout.first_byte = 10s
[route /total]
timeout.total = @{[ms 10]}
[route /tunnel]
timeout.tunnel = @{[ms 8]}
[route /busy]
timeout.idle = @{[ms 6]}
timeout.first_byte = @{[ms 10]}
INI
    my $m = $c->recv_request(head_only => 1) or return;
    my $t = $m->target;
    if ($t eq '/idle') { $c->send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin") }
    elsif ($t eq '/deadline2') { for (1 .. 30) { $c->send("HTTP/1.1 102 Processing\r\n\r\n") or last; sleep $unit / 1000 } }
    elsif ($t eq '/total' || $t eq '/busy') {
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
        for (1 .. ($t eq '/busy' ? 10 : 20)) { $c->send('.') or last; sleep $unit / 1000 }
        $c->send('.' x 10) if $t eq '/busy';
    }
    elsif ($t eq '/tunnel') { $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n") }
    $c->closed(timeout => 20);
} });
$w->deaf_upstream('deaf');

my %c = map { $_ => $w->conn } qw(connect first_byte idle deadline deadline2 total tunnel busy);
my $t = time;
$c{$_}->send($w->request_text("/$_", fields => $_ eq 'tunnel' ? [ Upgrade => 'websocket', Connection => 'upgrade' ] : [])) for keys %c;

my (%at, %answer);
my $limit = time + 10 * slow();
while (time < $limit && grep { !defined $at{$_} } keys %c) {
    for my $name (grep { !defined $at{$_} } keys %c) {
        my $c = $c{$name};
        1 while $c->fill(time);
        my $whole = $c->{in} =~ m{^(?:HTTP/1\.1 10[23].*?\r\n\r\n)*HTTP/1\.1 5\d\d .*?\r\n\r\n}s || $c->{in} =~ /\r\n\r\n\.{20}/;
        next unless $c->{ended} || $whole;
        $at{$name} = time - $t;
        ($answer{$name}) = ($c->{in} =~ m{^HTTP/1\.1 (?!102)(\d+)}mg)[-1];
    }
    sleep 0.01;
}
my %want = (
    connect => [ 3, 504 ], first_byte => [ 3, 504 ], idle => [ 3, 200 ], deadline => [ 3, 504 ], deadline2 => [ 8, 504 ],
    total => [ 10, 200 ], tunnel => [ 8, 101 ], busy => [ 9, 200 ],
);
for my $name (sort keys %want) {
    my ($units, $status) = @{ $want{$name} };
    my $low = $units * $unit / 1000;
    is($answer{$name}, $status, "$name: status");
    ok(defined $at{$name} && $at{$name} > $low - 0.05 && $at{$name} < $low + 0.8 * slow(), "$name: at its time ($low s)")
        or diag($at{$name} // 'never');
}
like($c{idle}{in}, qr/begin$/, 'what had come before the pause was passed on');
unlike($c{idle}{in}, qr/\r\n\r\n.{100}/s, 'and the answer is seen to be short');

my $end = $w->ended_requests;
my %reason = (
    connect => 'upstream_connect_timeout', first_byte => 'upstream_first_byte', idle => 'upstream_idle', deadline => 'deadline',
    deadline2 => 'deadline', total => 'total_timeout', busy => '',
);
is($end->{"/$_"}{reason}, $reason{$_}, "$_: reason") for sort keys %reason;
is($end->{'/tunnel'}{reason}, 'tunnel_idle', 'tunnel: reason');
done_testing;
