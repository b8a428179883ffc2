# etc/examples/two-sites.ini as it is but for the ports: nginx and Python's
# http.server behind weir, curl, wrk and a browser before it.
use v5.36;
use Digest::MD5 'md5_hex';
use Test::More;
use Weir;
use Weir::Browser;

my $w = Weir->new(start => 0);
open my $fh, '<', 'etc/examples/two-sites.ini' or die $!;
my $text = do { local $/; readline $fh };
my %port = (8000 => $w->port('http'), 8001 => $w->upstream_port('nginx'), 8002 => $w->upstream_port('python'));
$text =~ s/127\.0\.0\.1:(800[012])/127.0.0.1:$port{$1}/g;
$text =~ s{^pid\s*=.*$}{pid = \@DIR\@/weir.pid}m;
$w->configure($text);

my $dir = $w->dir;
mkdir "$dir/www" or die $!;
my $big = pattern(2_000_000);
$w->write_file('www/index.html', "<p>hello\n");
$w->write_file('www/big', $big);
$w->write_file('www/page.html', <<'HTML');
<!doctype html>
<title>not yet</title>
<link rel="stylesheet" href="style.css">
<script src="page.js"></script>
<body onload="tell()">
HTML
$w->write_file('www/style.css', "body { color: rgb(1, 2, 3) }\n");
# What a page has to say is in the address of the next, which Python's server logs.
$w->write_file('www/page.js', <<'JS');
function tell() {
    const says = encodeURIComponent(location.host + ' ' + getComputedStyle(document.body).color);
    if (location.hostname === 'one.localhost') {
        location = location.origin.replace('one', 'two') + '/page.html?' + says;
    } else {
        fetch('/done?' + says);
    }
}
JS
$w->nginx(nginx => 'root @DIR@/www;');
$w->http_server(python => 'www');
$w->start;

for my $site (qw(one two)) {
    my $server = $site eq 'one' ? 'nginx' : 'python';
    my @host = ('-H', "Host: $site.localhost");
    is($w->curl(@host, $w->url('/')), "<p>hello\n", "$site ($server): a page");
    like($w->curl(@host, '-I', $w->url('/')), qr/^Content-Length: 9\r$/mi, 'its head');
    is(md5_hex($w->curl(@host, $w->url('/big'))), md5_hex($big), 'a file of 2 MB');
    is($w->curl(@host, '-o', '/dev/null', '-w', '%{http_code}', $w->url('/none')), '404', "the server's own 404");
    my $since = $w->get('/', host => "$site.localhost")->field('Last-Modified');
    my $m = $w->get('/', host => "$site.localhost", fields => [ 'If-Modified-Since' => $since ]);
    is($m->status, 304, 'not modified');
}
is($w->curl('-H', 'Host: one.localhost', '-r', '100-199', $w->url('/big')), substr($big, 100, 100), 'a range from nginx');
is($w->get('/', host => 'three.localhost')->status, 421, 'a host that is no site');
my $url = $w->url('/');
my $out = qx{wrk -t1 -c16 -d1s -H 'Host: one.localhost' $url 2>&1};
ok($out =~ /(\d+) requests in/ && $out !~ /Socket errors|Non-2xx/, "wrk: $1 requests") or diag($out);

SKIP: {
    skip 'chromium is not installed (Debian: chromium)', 2 unless Weir::Browser::program();
    my $browser = Weir::Browser->new($w);
    my $port = $w->port;
    $browser->show("http://one.localhost:$port/page.html");
    for ([ one => 'page.html' ], [ two => 'done' ]) {
        my ($site, $next) = @$_;
        my $says = until_true(sub { $w->peer_out('python') =~ m{GET /\Q$next\E\?(\S+)} && $1 }, 30);
        is($says =~ s/%(..)/chr hex $1/ger, "$site.localhost:$port rgb(1, 2, 3)", "a browser at $site, with style and script")
            or diag($browser->said);
    }
    $browser->end;
}

done_testing;
