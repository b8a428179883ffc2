# Half of the servers are ten times slower, and a fifth more is asked for than
# all can do: retries stay within their budget, and nobody waits beyond the
# deadline.
use v5.36;
use JSON::PP ();
use Test::More;
use Weir;
use Weir::Origins;

my @names = qw(a b c d);
my $w = Weir->new(start => 0, conf => <<'INI');
[weir]
workers = 2
error_log = @DIR@/error.log error
[defaults]
retry = connect idempotent status:503 times:3
timeout.first_byte = 250ms
deadline = 1s
[upstream app]
server = 127.0.0.1:@UPSTREAM:a@ 127.0.0.1:@UPSTREAM:b@ 127.0.0.1:@UPSTREAM:c@ 127.0.0.1:@UPSTREAM:d@
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI
# 4 at a time: 200 requests a second each for a and b, 20 for c and d; 440 in all.
my $o = Weir::Origins->new($w, \@names, args => { (map { $_ => ['-D', 20, '-C', 4] } qw(a b)), map { $_ => ['-D', 200, '-C', 4] } qw(c d) });
$w->start;

my $seconds = scale(5, 30);
my $out = `python3 t/lib/openloop.py -p @{[ $w->port ]} -r 528 -d $seconds -l @{[ 1000 + 50 * slow() ]}`;
my $said = JSON::PP->new->decode($out);
my @hits = $o->hits;
my $attempts = 0;
$attempts += $_ for map { $o->stats($_)->{requests} } @names;
my ($app) = grep { $_->{name} eq 'app' } @{ $w->ctl_json('upstreams') };
note "sent $said->{sent}, 200: $said->{ok}, p50 $said->{p50_ms} ms, p99 $said->{p99_ms} ms, max $said->{max_ms} ms; attempts $app->{requests}; by server: @hits";
cmp_ok($said->{sent}, '>', $seconds * 528 * 0.9, "$said->{sent} requests were sent");
cmp_ok($app->{requests}, '<=', $said->{sent} * 1.1, "attempts: $app->{requests} for $said->{sent} requests");
is($said->{late}, 0, 'nobody waited beyond the deadline');
cmp_ok($said->{ok}, '>', $said->{sent} * 0.1, "$said->{ok} were served in time");
done_testing;
