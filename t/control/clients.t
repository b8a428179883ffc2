# Clients that are slow, silent, many, or do not read: each costs the others
# nothing, and all is bounded.
use v5.36;
use Test::More;
use Time::HiRes qw(time sleep);
use Weir;

my $many = 400;
my $w = Weir->new(upstream => { app => 'echo' }, conf => "[server *]\nlisten = 127.0.0.1:\@PORT:http\@\ntls = off\n/* = app\n[upstream app]\n"
        . join('', map { "server.s$_ = 127.0.0.1:\@UPSTREAM:app\@\n" } 1 .. $many));
my $path = $w->control;
sub asks ($bytes, %o) { $w->raw($bytes, unix => $path, %o) }

# The protocol, by hand.
like(asks("version\n"), qr/^ok\nweir \d\S+\n\z/, 'a line, an answer, the end');
like(asks("  version\t \r\n"), qr/^ok\n/, 'blanks around it');
like(asks("version", half_close => 1), qr/^ok\n/, 'the end of the stream ends the line, too');
like(asks("stauts\n"), qr/^wrong there is no command "stauts"; did you mean "status"\?\nstatus /, 'wrong, and the grammar');
like(asks("drain app/x\n"), qr/^error there is no server "app\/x"/, 'error');
like(asks("\n"), qr/^wrong /, 'an empty line');
like(asks("version\0\n"), qr/^wrong the line has a control byte\n/, 'a NUL');
like(asks("\xff\xfe\n"), qr/^wrong there is no command "\\xFF\\xFE"\n/, 'bytes that are no text are shown by their numbers');
like(asks('x' x 5000), qr/^wrong the line is longer than 4096 bytes\n\z/, 'a line without an end');
like(asks('x' x 4096 . "\n"), qr/^wrong there is no command/, '4096 bytes are a line');
is(asks('', half_close => 1), '', 'nothing is answered by nothing');
like(asks("version\nreload\n"), qr/^ok\nweir [^\n]*\n\z/, 'one command a connection');

# Slow ones.
{
    my $silent = $w->conn(unix => $path);
    my $slow = $w->conn(unix => $path);
    my $began = time;
    $slow->drip('vers');
    is(($w->ctl('version'))[0], 0, 'another is served meanwhile');
    ok(time - $began < 2 * slow(), 'at once');
    like($silent->recv_until_close(timeout => 20), qr/^error no command came within 5 seconds\n\z/, 'who says nothing hears so');
    like($slow->recv_until_close(timeout => 20), qr/^error no command/, 'who goes on and on too');
    my $took = time - $began;
    ok($took > 4.5 && $took < 9 * slow(), 'after 5 seconds') or diag($took);
}

# One that does not read.
{
    my $deaf = $w->conn(unix => $path, rcvbuf => 4096);
    $deaf->send("upstreams --json\n");
    sleep 0.2;
    my $began = time;
    is(($w->ctl('upstreams'))[0], 0, 'one that does not read: another is served meanwhile');
    ok(time - $began < 2 * slow(), 'at once');
    like(scalar asks("upstreams --json\n"), qr/^ok\n\[\{.*\}\]\n\z/s, 'a long answer comes whole');
}

# 16 at once; the others wait their turn.
{
    my @silent = map { $w->conn(unix => $path) } 1 .. 16;
    sleep 0.2;
    my $last = $w->conn(unix => $path);
    $last->send("version\n");
    ok($last->silent(0.5), 'the 17th waits');
    $silent[3]->close;
    like($last->recv_until_close(timeout => 3 * slow()), qr/^ok\n/, 'until one has gone');
    my @more = map { my $c = $w->conn(unix => $path); $c->send("version\n"); $c } 1 .. 40;
    is((grep { $_->recv_until_close(timeout => 20 * slow()) =~ /^ok\n/ } @more), 40, 'and so do 40 more');
    is((grep { $_->recv_until_close(timeout => 20 * slow()) =~ /^error no command/ } grep { $_ != $silent[3] } @silent), 15, 'nobody was forgotten');
    is(($w->ctl('version'))[0], 0, 'it goes on');
}
is($w->get('/')->status, 200, 'the site does not notice');

done_testing;
