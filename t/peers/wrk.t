# wrk as the client: no error among as many requests as it can send.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
$w->origin('app');
my $seconds = scale(1, 10);
sub wrk ($name, $path, @args) {
    my $out = qx{wrk -t1 -c32 -d${seconds}s @args '@{[ $w->url($path) ]}' 2>&1};
    my ($n) = $out =~ /(\d+) requests in/;
    ok($n && $out !~ /Socket errors|Non-2xx/, "$name: " . ($n // 0) . ' requests') or diag($out);
}
wrk('keep-alive', '/1k');
wrk('a connection a request', '/1k', '-H', "'Connection: close'");
wrk('256 KiB', '/big?bytes=262144');
wrk('chunks', '/chunked?bytes=50000');
done_testing;
