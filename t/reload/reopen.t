# USR1 opens the logs again: under load no line is lost, split or doubled;
# a log that takes nothing costs its lines and nothing else.
use v5.36;
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;

my $conf = <<'INI';
[weir]
workers = 2
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

# Rotated again and again.
{
    my $w = Weir->new(conf => $conf, log => 'json');
    $w->origin('app');
    $w->get('/1k');
    my $times = scale(15, 60);
    my $dir = $w->dir;
    my $storm = $w->storm_start('-p', $w->port, '-d', 3, '-k', 16, '-t', 2);
    for my $n (1 .. $times) {
        sleep 2.7 / $times;
        rename "$dir/access.log", "$dir/access.log.$n";
        $n % 2 ? $w->signal('USR1') : is(($w->command('-s', 'reopen'))[0], 0, '-s reopen');
        ok(until_true(sub { -e "$dir/access.log" }), 'a new file comes') or last;
    }
    my $r = $w->storm_end($storm);
    is($r->{failed}, 0, 'no request noticed') or diag($r->{first_failure});
    is($w->stop('QUIT'), 0, 'end');
    my ($lines, $broken, $with) = (0, 0, 0);
    for my $file (glob "$dir/access.log*") {
        open my $fh, '<', $file or die;
        my $any = 0;
        while (<$fh>) { $any = 1; $lines++; $broken++ unless /^\{"[^\n{}]*"\/1k"[^\n{}]*\}\n\z/ }
        $with += $any;
    }
    is($broken, 0, 'every line is whole');
    is($lines, $r->{requests} + 1, "each of the requests has one line");
    cmp_ok($with, '>', $times / 2, "lines in $with files");
}

# The error log too; mode and owner of what weir makes.
{
    my $w = Weir->new(conf => $conf, upstream => { app => 'echo' }, log => 'combined');
    my $dir = $w->dir;
    $w->get('/a');
    $w->wait_access(1);
    is((stat "$dir/access.log")[2] & 07777, 0640, 'a log is made 0640');
    rename "$dir/error.log", "$dir/error.old";
    $w->signal('USR1');
    ok(until_true(sub { -e "$dir/error.log" }), 'the error log is opened again');
    is(scalar $w->reload, 0, 'a reload');
    ok($w->wait_log(qr/reloaded/), 'the master writes into the new one');
    ok($w->wait_log(qr/worker has drained/), 'everybody does');
    # one that cannot be opened again stays as it is
    rename "$dir/access.log", "$dir/access.old";
    symlink "$dir/trap", "$dir/access.log";
    $w->signal('USR1');
    ok($w->wait_log(qr/ error .*cannot reopen a log .*symbolic link/), 'a log that has become a link is refused');
    $w->get('/b');
    ok(until_true(sub { open my $fh, '<', "$dir/access.old" or return; grep { m{/b} } <$fh> }), 'lines go on into the old file');
    ok(!-e "$dir/trap", 'and not through the link');
    unlink "$dir/access.log";
}

# A full disk: lines are lost and counted, one error a second, requests do not wait.
{
    my $w = Weir->new(conf => "$conf\n[log full]\npath = /dev/full\n[defaults]\naccess_log = full\n", upstream => { app => 'echo' });
    my $c = $w->conn;
    my $took = elapsed(sub { is((grep { $w->get('/', on => $c)->status eq 200 } 1 .. 300), 300, 'served with a full disk') });
    ok($w->wait_log(qr/ error .*cannot write a log id=\d+ lines=\d+: No space left on device/), 'the log tells');
    cmp_ok(scalar(() = $w->error_log =~ /cannot write a log/g), '<=', 3 + $took, 'once a second');
}

# A fifo: kept for a reader that comes later, dropped and counted when none does.
{
    my $w = Weir->new(conf => "$conf\n[log fifo]\npath = \@DIR\@/fifo\n[defaults]\naccess_log = fifo\n", upstream => { app => 'echo' }, start => 0);
    POSIX::mkfifo($w->dir . '/fifo', 0666);
    $w->start;
    my $c = $w->conn;
    is((grep { $w->get("/$_", on => $c)->status eq 200 } 1 .. 2000), 2000, 'served while nobody reads');
    sysopen my $fh, $w->dir . '/fifo', POSIX::O_RDONLY() | POSIX::O_NONBLOCK();
    my $got = '';
    until_true(sub { sysread $fh, $got, 1 << 20, length $got; $got =~ m{/2000 HTTP} }, 10);
    my @lines = split /\n/, $got;
    is(scalar @lines, 2000, 'all lines come when somebody does');
    is((grep { $lines[$_] !~ m{"GET /@{[ $_ + 1 ]} HTTP/1.1" 200} } 0 .. $#lines), 0, 'whole and in order');
}

# To standard error.
{
    my $w = Weir->new(conf => $conf =~ s/workers/error_log = stderr info\nworkers/r, upstream => { app => 'echo' });
    is(scalar $w->reload, 0, 'error_log = stderr');
    ok(until_true(sub { $w->out =~ /worker has drained/ }), 'lines of all come there');
    $w->signal('USR1');
    is($w->get('/')->status, 200, 'and USR1 does it no harm');
}

done_testing;
