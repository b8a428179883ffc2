# A response of 10 GiB to a client that takes 64 KiB a second costs bounded
# memory and no disk.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $w = Weir->new(conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
$w->origin('app');

# Private memory, and what its open files that have no name hold, in KiB.
sub cost () {
    my ($pid) = $w->workers;
    my $disk = 0;
    for my $fd (glob "/proc/$pid/fd/*") {
        my $to = readlink $fd // next;
        $disk += ((stat $fd)[12] // 0) / 2 if $to =~ m{^/(?!dev|memfd)} && $to =~ /deleted|weir/;
    }
    return ($w->pss($pid), $disk);
}

$w->get('/1k') for 1 .. 20;
my ($memory, $disk) = cost;
my $c = $w->conn(rcvbuf => 32768);
$c->send($w->request_text('/big?bytes=' . 10 * 2**30));
is($c->recv_response(head_only => 1)->field('Content-Length'), 10 * 2**30, 'it has begun');
my ($most, $most_disk, $read) = (0, 0, 0);
my $seconds = scale(4, 60);
for my $tick (1 .. $seconds * 4) {
    $read += $c->discard(16384);
    my ($m, $d) = cost;
    $most = $m if $m > $most;
    $most_disk = $d if $d > $most_disk;
    is($w->get('/1k')->status, 200, 'others are served') if $tick % 8 == 0;
    sleep 0.25;
}
is($read, $seconds * 4 * 16384, "it flows ($seconds s)");
my $grown = $most - $memory + $most_disk - $disk;
cmp_ok($grown, '<=', 1024 * slow(), "memory and disk have grown by $grown KiB");

done_testing;
