# A new program (USR2) takes the sessions of the old one, and serves TLS.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my @pair = Weir::Certs::make($dir);
$w->configure(<<"INI");
[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
/* = status:200 yes
INI
$w->start;
my $port = $w->port;
my @in = (options => [ '-sess_in', "$dir/s" ]);
is(body_of(s_client($port, options => [ '-sess_out', "$dir/s" ], send => request('localhost'))), 'yes', 'a session');
my $old = $w->pid;
is(($w->command('-s', 'upgrade'))[0], 0, 'an upgrade');
my $new = until_true(sub {
    open my $fh, '<', "$dir/weir.pid" or return 0;
    my $pid = 0 + (readline $fh // 0);
    $pid && $pid != $old && $w->workers(of => $pid) ? $pid : 0;
});
ok($new, 'another master');
ok($w->wait_log(qr/new binary serves/), 'which serves');
is($w->stop('QUIT', timeout => 30), 0, 'the old one ends');
$w->{pid} = 0;    # from here on the new one is looked after
my $said = s_client($port, @in, send => request('localhost'));
is(reused($said), 1, 'its session is taken');
is(body_of($said), 'yes', '... and it serves');
is(body_of(s_client($port, send => request('localhost'))), 'yes', 'a new handshake');
is(($w->command('-s', 'quit'))[0], 0, 'it quits');
ok(until_true(sub { !kill 0, $new }), 'and ends');
done_testing;
