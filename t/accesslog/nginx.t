# `combined` is byte for byte what nginx writes: the same requests to both,
# the same lines (but for the second, and the size of pages of their own).
use v5.36;
use Test::More;
use MIME::Base64 qw(encode_base64);
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => [ fixed => body => 'x' x 321 ], chunked => [ events => ms => 1 ], none => [ fixed => status => 304 ] }, log => 'combined');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
/chunked = 127.0.0.1:@UPSTREAM:chunked@
/none = 127.0.0.1:@UPSTREAM:none@
INI
$w->write_file('nginx.conf', <<'NGINX');
daemon off;
master_process off;
pid @DIR@/nginx.pid;
error_log @DIR@/nginx-error.log;
events { worker_connections 64; }
http {
    access_log @DIR@/nginx-access.log;
    client_body_temp_path @DIR@/nginx-body;
    proxy_temp_path @DIR@/nginx-proxy;
    fastcgi_temp_path @DIR@/nginx-fastcgi;
    uwsgi_temp_path @DIR@/nginx-uwsgi;
    scgi_temp_path @DIR@/nginx-scgi;
    server {
        listen 127.0.0.1:@PORT:nginx@;
        proxy_http_version 1.1;
        location / { proxy_pass http://127.0.0.1:@UPSTREAM:app@; }
        location /chunked { proxy_pass http://127.0.0.1:@UPSTREAM:chunked@; }
        location /none { proxy_pass http://127.0.0.1:@UPSTREAM:none@; }
    }
}
NGINX
my ($nginx) = grep { -x } map { "$_/nginx" } split(/:/, $ENV{PATH}), qw(/usr/sbin /usr/local/sbin);
$w->peer(nginx => $nginx // 'nginx', '-c', '@DIR@/nginx.conf', '-p', '@DIR@');
until_true(sub { $w->conn(port => 'nginx') }) or BAIL_OUT('nginx does not start: ' . $w->_slurp("$w->{dir}/nginx.out"));

my $bytes = join '', map { chr } 0x21 .. 0x7e, 0x80 .. 0xff;
sub basic ($text) { 'Basic ' . encode_base64($text, '') }
my @requests = (
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/b?c=d&e HTTP/1.1\r\nHost: a\r\nReferer: http://r/?a=b\r\nUser-Agent: Mozilla/5.0 (X11; \"quoted\")\r\n\r\n",
    "HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /old HTTP/1.0\r\n\r\n",
    "GET /chunked HTTP/1.0\r\n\r\n",
    "GET /none HTTP/1.1\r\nHost: a\r\nIf-None-Match: x\r\n\r\n",
    "GET http://a/absolute?q HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/../b/./c//d HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\xc3\xa9\"<>`{|}^ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: $bytes\tend\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nReferer: $bytes\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nReferer:\r\nUser-Agent:   \r\n\r\n",
    (map { "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: $_\r\n\r\n" }
        basic('alice:secret'), basic('alice:'), basic(':secret'), basic('alice'), basic("a\"b\\c\x01\xe9:x"), basic('a b:c:d'),
        'Basic', 'Basic !', 'basic    ' . basic('bob:x') =~ s/Basic //r, 'Bearer x', basic('x' x 200 . ':y')),
    # what is refused
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'x' x 40 . "\r\n\r\n",
    "G<T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nUser-Agent: nohost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: twohosts\r\nHost: b\r\n\r\n",
    "GET / HTTP/2.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
    "GET / FTP/1.1\r\nHost: a\r\n\r\n",
    "\x00\x01\x02\r\n\r\n",
);
for my $text (@requests) {
    for my $port (qw(http nginx)) {
        my $c = $w->conn(port => $port);
        $c->send($text);
        $c->recv_response(method => $text =~ /^HEAD/ ? 'HEAD' : 'GET');
        $c->close;
    }
}

my @ours = $w->wait_access(scalar @requests);
my @theirs;
until_true(sub { @theirs = $w->access_log('nginx-access.log'); @theirs >= @requests });
is(scalar @ours, scalar @requests, 'one line a request');
sub settled ($line) {
    $line =~ s/\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/[TIME]/;
    $line =~ s/" ([45]\d\d) \d+ "/" $1 SIZE "/;
    return $line;
}
for my $i (0 .. $#requests) {
    my $name = substr($requests[$i], 0, 60) =~ s/[^ -~]/./gr;
    is(settled($ours[$i] // ''), settled($theirs[$i] // ''), "as nginx: $name");
}

done_testing;
