# etc/examples/two-sites.ini as it is but for the ports: nginx and Python's
# http.server behind weir.
use v5.36;
use Digest::MD5 'md5_hex';
use Test::More;
use Weir;

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
$w->write_file('nginx.conf', <<'END');
daemon off; master_process off; worker_processes 1; pid @DIR@/nginx.pid; error_log @DIR@/nginx.log error;
events { worker_connections 256; }
http { access_log off; etag on; client_body_temp_path @DIR@/t1; proxy_temp_path @DIR@/t2; fastcgi_temp_path @DIR@/t3;
uwsgi_temp_path @DIR@/t4; scgi_temp_path @DIR@/t5;
server { listen 127.0.0.1:@UPSTREAM:nginx@; root @DIR@/www; } }
END
my ($nginx) = grep { -x } '/usr/sbin/nginx', map { "$_/nginx" } split /:/, $ENV{PATH};
$w->peer(nginx => $nginx, '-p', $dir, '-c', "$dir/nginx.conf", '-e', "$dir/nginx.log");
$w->peer(python => qw(python3 -m http.server), $port{8002}, qw(--bind 127.0.0.1 -d), "$dir/www");
for my $name (qw(nginx python)) {
    until_true(sub { $w->conn(to => '127.0.0.1:' . $w->upstream_port($name)) }) or BAIL_OUT("$name does not start");
}
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

done_testing;
