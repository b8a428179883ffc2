# curl as the client: what it can do over HTTP/1 works.
use v5.36;
use Digest::MD5 'md5_hex';
use JSON::PP;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/origin/* = 127.0.0.1:@UPSTREAM:origin@
[route /origin/*]
strip = /origin
INI
$w->origin('origin');
my $url = $w->url('');

is(decode_json($w->curl("$url/a%20b?x=1&y=%2f"))->{target}, '/a%20b?x=1&y=%2f', 'GET');
like($w->curl('-I', "$url/"), qr{^HTTP/1\.1 200 OK\r\n.*\r\n\r\n\z}s, 'HEAD');
is($w->curl('-0', "$url/origin/1k"), 'x' x 1024, 'HTTP/1.0');
is(decode_json($w->curl('-d', 'a=1', '-d', 'b=2', "$url/"))->{body}, 'a=1&b=2', 'a form');
my $big = pattern(400_000);
$w->write_file('big', $big);
my $d = decode_json($w->curl('-T', $w->dir . '/big', "$url/up"));
is($d->{method}, 'PUT');
is(md5_hex($d->{body}), md5_hex($big), 'an upload of 400 kB, told to go on');
$d = decode_json($w->curl('-T', $w->dir . '/big', '-H', 'Transfer-Encoding: chunked', "$url/up"));
is(md5_hex($d->{body}), md5_hex($big), 'in chunks');
is(length $w->curl("$url/origin/big?bytes=20000000"), 20_000_000, 'a download of 20 MB');
is(length $w->curl("$url/origin/chunked?bytes=20000000"), 20_000_000, 'in chunks');
is($w->curl('-w', '%{num_connects}', '-o', '/dev/null', '-o', '/dev/null', '-o', '/dev/null', "$url/1", "$url/2", "$url/3"), '100',
    'three requests on one connection');
like($w->curl('-N', "$url/origin/events?ms=10&n=3"), qr/^(?:data: \d+\n\n){3}\z/, 'an event stream to its end');
is($w->curl('-o', '/dev/null', '-w', '%{http_code}', '-X', 'OPTIONS', '--request-target', '*', $url), '204', 'OPTIONS *');
is($w->curl('-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host:', $url), '400', 'no Host');

done_testing;
