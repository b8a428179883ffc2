# weir over a transport that splits and delays every byte (t/lib/transport_trickle.c):
# tests of bodies, pipelining, tunnels, reuse and refusals hold there as they do over
# sockets.  In `make check-long` (and `make check-trickle`) all of t/h1, t/body,
# t/tunnel, t/upstream, t/answer and t/route.
use v5.36;
use Cwd 'abs_path';
use File::Path 'remove_tree';
use File::Temp 'tempdir';
use Test::More;

my $build = abs_path($ENV{WR_BUILD} || 'build');
my $bin = "$build/t/weir-trickle";
ok(-x $bin, 'weir over the other transport was built') or done_testing, exit;

my @chosen = qw(
    t/h1/expect_continue.t t/h1/http10_client.t t/h1/informs.t t/h1/keepalive.t t/h1/pipelining.t t/h1/proxy_protocol.t
    t/h1/strict_bodies.t t/h1/trailers.t t/body/buffer_request.t t/body/early_response.t t/tunnel/websocket.t
    t/upstream/bad_upstream.t t/upstream/close_delimited.t t/upstream/reuse.t
);
my %left_out = (
    't/h1/trickle.t' => 'this',
    't/body/sse.t' => 'looks for an event in one piece, here each chunk of it is chunks',
);
$left_out{"t/body/backpressure_$_.t"} = 'measures memory, and a sanitizer keeps what was freed'
    for $ENV{WR_SANITIZE} ? qw(request response) : ();
# Single assertions that need bytes to come together, which they do not.
my %may_fail = (
    't/h1/expect_continue.t' => ['is no question'],    # a body that comes with its head
);

my @all = grep { !$left_out{$_} } map { glob "t/$_/*.t" } qw(h1 body tunnel upstream answer route);
my @files = $ENV{WR_LONG} ? @all : @chosen;

# They wait more than they work: three at a time.
my $dir = tempdir('weir-t-XXXXXX', TMPDIR => 1);
chmod 0755, $dir;
my %running;
for my $n (0 .. $#files) {
    start($n) if !$running{$n};
    for my $next ($n + 1 .. $n + 2) { start($next) if $next < @files && !$running{$next} }
    waitpid $running{$n}, 0;
    judge($files[$n], $?, "$dir/$n.out");
}
Test::More->builder->is_passing ? remove_tree($dir) : diag("kept: $dir");
done_testing;

sub start ($n) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        delete @ENV{qw(WR_LONG HARNESS_ACTIVE HARNESS_VERSION)};
        $ENV{WR_BIN} = $bin;
        $ENV{TMPDIR} = $dir;
        $ENV{WR_SLOW} //= $ENV{WR_SANITIZE} ? 8 : 2;
        open STDOUT, '>', "$dir/$n.out" or die;
        open STDERR, '>&', \*STDOUT;
        exec $^X, '-It/lib', $files[$n];
    }
    $running{$n} = $pid;
}

# One subtest a file: its plan, its assertions and its exit status.
sub judge ($file, $status, $out) {
    open my $fh, '<', $out or die "$out: $!";
    my @lines = <$fh>;
    my ($plan) = map { /^1\.\.(\d+)/ ? $1 : () } @lines;
    my $tests = grep { /^(?:not )?ok \d/ } @lines;
    my @bad = map { /^not ok \d+(?: - (.*))?/ ? $1 // 'one without a name' : () } @lines;
    my %may = map { $_ => 1 } @{ $may_fail{$file} // [] };
    my $expected = grep { $may{$_} } @bad;
    subtest $file => sub {
        is($plan, $tests, 'its plan is kept');
        is(join(', ', grep { !$may{$_} } @bad), '', 'nothing in it fails');
        is($status, $expected << 8, 'and it ends well');
    } or diag(@lines > 60 ? (@lines[ -60 .. -1 ]) : @lines);
}
