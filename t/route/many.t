# A thousand servers and ten thousand routes: each is found, the order in the
# file does not matter, and a look-up costs no more than with one.
use v5.36;
use Test::More;
use Weir;

my ($servers, $routes) = (1000, 9000);
my $conf = "[defaults]\nlisten = 127.0.0.1:\@PORT:http\@\n";
for my $s (1 .. $servers) { $conf .= "[server s$s.example]\n/* = status:200 s$s\n" }
$conf .= "[server *]\n/* = status:200 none\n";
for my $r (map { $_ * 7919 % $routes } 1 .. $routes) { $conf .= "/r$r/* = status:200 r$r\n" }

my $w = Weir->new(conf => $conf);
my $c = $w->conn;
my $wrong = 0;
for (1 .. 300) {
    my ($s, $r) = (1 + int rand $servers, int rand $routes);
    $wrong++ if $w->get('/x', on => $c, host => "s$s.example")->body ne "s$s";
    $wrong++ if $w->get("/r$r/x", on => $c, host => 'other.example')->body ne "r$r";
    $wrong++ if $w->get("/r${r}x", on => $c, host => 'other.example')->body ne 'none';
}
is($wrong, 0, 'each of them answers for itself');

done_testing;
