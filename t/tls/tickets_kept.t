# A ticket is good with every worker, and stays so over a worker's death, a
# reload and an upgrade of the binary: its key is in shared memory.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[weir]
workers = 4
drain = 2s
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;
my $dir = $w->dir;
my @versions = ('-tls1_3', '-tls1_2');

# One full handshake each, at the beginning; nothing else is used to its end.
Weir::Tls::ask($w, 'https', args => [ $_, '-sess_out', "$dir/s$_" ]) for @versions;

# The connections to the upstream (each is one worker's) over which requests of resumed sessions have come.
sub resumed ($what, $n) {
    my %by;
    for my $i (1 .. $n) {
        $w->conn->close for 1 .. 15;    # workers take turns by sixteen
        my $version = $versions[ $i % 2 ];
        my $s = Weir::Tls::ask($w, 'https', args => [ $version, '-sess_in', "$dir/s$version" ]);
        $s->{reused} && ($s->{status} // 0) == 200 or fail("$what: $version, time $i is resumed and served"), diag($s->{text}), return {};
        $by{ $s->{body} =~ /"conn":(\d+)/ ? $1 : 'none' }++;
    }
    pass("$what: $n resumptions of TLS 1.2 and 1.3");
    return \%by;
}
my %by;
for (1 .. 10) {
    %by = (%by, %{ resumed('at the beginning', 8) });
    last if keys %by == 4;
}
is(scalar keys %by, 4, 'by all four workers');

$w->expect_death;
my @before = $w->workers;
kill 'KILL', $before[0];
ok(until_true(sub { $w->workers == 4 && !grep { $_ == $before[0] } $w->workers }), 'a worker was killed, and there is another');
resumed('after its death', 8);

$w->signal('HUP');
ok(until_true(sub { my @now = $w->workers; @now == 4 && !grep { my $p = $_; grep { $p == $_ } @before } @now }), 'SIGHUP: others serve');
resumed('after a reload', 8);
my ($keeper) = $w->keeper;
$w->expect_death;
kill 'KILL', $keeper;
ok(until_true(sub { ($w->keeper // $keeper) != $keeper }), 'the keeper was killed, and there is another');
resumed('after its death', 4);

my $old = $w->pid;
is(($w->command('-s', 'upgrade'))[0], 0, '-s upgrade');
my $new = until_true(sub { my $p = 0 + (Weir::_slurp("$dir/weir.pid") || 0); $p && $p != $old ? $p : 0 });
ok($new && until_true(sub { $w->workers(of => $new) == 4 }), 'a new binary serves');
resumed('beside the old one', 8);
is($w->stop('QUIT', timeout => 30), 0, 'the old one ends');
resumed('by the new one alone', 8);
$w->{pid} = 0;
is(($w->command('-s', 'stop'))[0], 0, 'and that ends');
ok(until_true(sub { !kill 0, $new }), 'too');

done_testing;
