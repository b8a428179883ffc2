# What a reload keeps: requests in flight, kept connections, streams, the
# listening sockets themselves; and what it changes.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
drain = 3s
[server *]
listen = 127.0.0.1:@PORT:http@, unix:@SOCK:front@
/* = 127.0.0.1:@UPSTREAM:app@
/slow/* = 127.0.0.1:@UPSTREAM:slow@
/events/* = 127.0.0.1:@UPSTREAM:events@
/where = status:200 one
INI
my $w = Weir->new(conf => $conf, upstream => { app => 'echo', slow => ['slow', ms => 1200], events => ['events', n => 60, ms => 100] });
my $path = $w->dir . '/front.sock';
my $inode = (stat $path)[1];
my ($old) = $w->workers;

my $flight = $w->conn;
$flight->send($w->request_text('/slow/x'));
my $kept = $w->conn;
is($w->get('/a', on => $kept)->status, 200, 'a kept connection');
my $stream = $w->conn;
$stream->send($w->request_text('/events/x'));
ok($stream->recv_to("data: 2\n"), 'a stream runs');
sleep 0.1;

is(scalar $w->reload(conf => $conf =~ s/200 one/200 two/r), 0, 'reloaded');
my $m = $w->get('/where');
like($m->body . $m->phrase, qr/two/, 'new connections get the new configuration');
$m = $w->get('/where', on => $kept);
like($m->body . $m->phrase, qr/one/, 'a kept one is answered once more by the old');
is(lc($m->field('Connection') // ''), 'close', 'and told to go');
is($kept->closed(timeout => 5 * slow()), 'fin', 'with a FIN, no reset');
$m = $flight->recv_response;
is($m && $m->status, 200, 'the request in flight is answered');
ok($stream->recv_to("data: 45\n"), 'the stream lives on, longer than drain');
ok((grep { $_ == $old } $w->workers), 'in the old worker');
ok($stream->recv_to("data: 60\n") && $stream->recv_to("0\r\n\r\n"), 'to its end');
ok(until_true(sub { !grep { $_ == $old } $w->workers }), 'then the old worker goes');

is((stat $path)[1], $inode, 'the unix socket is the same file');
is($w->get('/a', unix => $path)->status, 200, 'that serves');

# Listeners come and go.
my $with = $conf =~ s/listen = .*/listen = 127.0.0.1:\@PORT:http\@, 127.0.0.1:\@PORT:more\@/r;
is(scalar $w->reload(conf => $with), 0, 'another port, and no unix socket');
is($w->get('/a', port => 'more')->status, 200, 'serves on the new port');
ok(!-e $path, 'the path is gone');
is(scalar $w->reload(conf => $conf), 0, 'and back');
ok(until_true(sub { !$w->conn(port => 'more') }), 'the port is closed');
is($w->get('/a', unix => $path)->status, 200, 'the unix socket is there again');

# From a specific address to all of them on one port, and back: no moment without a listener.
my $port = $w->port('http');
my $all = $conf =~ s/listen = .*/listen = :$port/r;
my $refused = 0;
my $asker = fork // die;
if (!$asker) {
    my $bad = 0;
    my $until = time + 4 * slow();
    while (time < $until) { my $c = $w->conn or $bad++; $c->close if $c; sleep 0.001 }
    POSIX::_exit($bad > 255 ? 255 : $bad);
}
sleep 0.2;
for (1 .. 3) {
    is(scalar $w->reload(conf => $all), 0, 'to the wildcard address');
    is(scalar $w->reload(conf => $conf), 0, 'and back');
}
waitpid $asker, 0;
# The kernel has no way to hand a handshake that is half done from the closed socket to the other one.
cmp_ok($? >> 8, '<=', 6, 'nobody was refused in between, but for handshakes under way: one a change at most');
is($w->get('/a')->status, 200, 'and it serves');

# More and fewer workers.
is(scalar $w->reload(conf => "[weir]\nworkers = 3\n" . $conf =~ s/^\[weir\]\n//r), 0, 'three workers');
ok(until_true(sub { $w->workers == 3 }), 'are three');
is(scalar $w->reload(conf => $conf), 0, 'one worker');
ok(until_true(sub { $w->workers == 1 }), 'is one');

# Many reloads leave nothing behind: slots, processes, descriptors.
my $fds = sub { scalar(my @f = glob "/proc/" . $w->pid . "/fd/*") };
my $before = $fds->();
for (1 .. scale(15, 150)) { is($w->reload, 0, 'a reload') or last }
ok(until_true(sub { (my @c = $w->children) == 2 }), 'one worker and one keeper are left');
cmp_ok($fds->(), '<=', $before, 'the master has no more descriptors than before');
is($w->get('/a')->status, 200, 'and it serves');

done_testing;
