# What drains can still be asked, and a master that was killed leaves nobody
# who answers in its name.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep);
use Weir;

my $conf = <<'INI';
[weir]
drain = 20s
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = 127.0.0.1:@UPSTREAM:app@
INI

{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my $c = $w->conn;
    $c->send("GET / HTTP/1.1\r\nHost: x\r\n");
    sleep 0.2;
    $w->signal('QUIT');
    ok(until_true(sub { (($w->ctl('generations'))[1] =~ /^1 +draining +1 +1 /m) }), 'quitting: what is left is shown');
    $c->send("\r\n");
    is($c->recv_response->status, 200, 'it is finished');
    $c->close;
    is($w->wait_exit, 0, 'the end');
    ok(!-e $w->control, 'of the socket, too');
}
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
    my ($keeper, @workers) = ($w->keeper, $w->workers);
    my $c = $w->conn;
    $c->send("GET / HTTP/1.1\r\nHost: x\r\n");
    sleep 0.2;
    $w->expect_exit('signal 9');
    $w->signal('KILL');
    until_true(sub { !$w->alive });
    ok(until_true(sub { ($w->ctl('version'))[0] == 1 }), 'the keeper of a dead master does not answer');
    ok(kill(0, $keeper), 'though it lives on for the logs');
    $w->start;
    is(($w->ctl('version'))[0], 0, 'the next weir has the socket');
    $c->send("Connection: close\r\n\r\n");
    is($c->recv_response->status, 200, 'the open request is finished');
    $w->expect_exit(0);
}

done_testing;
