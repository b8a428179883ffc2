# Requests that RFC 9110 and 9112 do not allow, or that two readers could take
# for two things: each is refused with its status and reason, ends its
# connection, and nothing of it, nor of what stands behind it, reaches an
# upstream.
use v5.36;
no warnings 'qw';
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

my @cases;    # [name, bytes, status, reason]
my $host = "Host: a\r\n";
sub case ($name, $bytes, $status, $reason) { push @cases, [ $name, $bytes, $status, $reason ] }
# A first line, with good fields behind it.
sub line ($line, $reason, $status = 400) { case("line: $line", "$line\r\n$host\r\n", $status, $reason) }
# Fields of a GET, beside a good Host.
sub fields ($fields, $reason, $status = 400) { case("fields: $fields", "GET / HTTP/1.1\r\n$host$fields\r\n\r\n", $status, $reason) }
sub post ($fields, $reason, $status = 400, $body = 'hello') {
    case("post: $fields", "POST / HTTP/1.1\r\n$host$fields\r\n\r\n$body", $status, $reason);
}
# A Host, alone and with another target.
sub host ($value, $reason = 'bad_host', $target = '/') {
    case("host: $value", "GET $target HTTP/1.1\r\nHost: $value\r\n\r\n", 400, $reason);
}
sub target ($target, $reason = 'bad_target', $method = 'GET') {
    case("target: $method $target", "$method $target HTTP/1.1\r\n$host\r\n", 400, $reason);
}

# ---- the first line (RFC 9112 3)

line($_, 'bad_request_line') for 'GET  / HTTP/1.1', 'GET /  HTTP/1.1', 'GET / HTTP/1.1 ', ' GET / HTTP/1.1', "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1",
    "GET / HTTP/1.1\t", 'GET /', 'GET', 'GET / ', "\tGET / HTTP/1.1";
line($_, qr/bad_version|bad_request_line/) for 'GET / a HTTP/1.1', 'GET / /x HTTP/1.1', 'GET /x y HTTP/1.1';
line($_, 'bad_method') for 'G@T / HTTP/1.1', 'GE(T / HTTP/1.1', 'GET: / HTTP/1.1', '"GET" / HTTP/1.1', 'GET, / HTTP/1.1', "G\x00T / HTTP/1.1",
    "G\x7fT / HTTP/1.1", "G\xc3\xa9T / HTTP/1.1", '{} / HTTP/1.1', 'GET/ / HTTP/1.1', 'G[T / HTTP/1.1', 'G;T / HTTP/1.1', 'G=T / HTTP/1.1';
case('a method of 33 bytes', 'M' x 33 . " / HTTP/1.1\r\n$host\r\n", 501, qr/method_too_long/);
line("GET / $_", 'bad_version') for qw(HTTP/1 HTTP/1. HTTP/.1 HTTP/11 HTTP/1.11 HTTP/01.1 HTTP/1.x HTTP/x.1 HTTP/1,1 HTTP/1.1.1 HTTP/1.1a HTTP/),
    "HTTP/1.1\x00";
line("GET / $_", qr/bad_version|bad_request_line/) for qw(http/1.1 Http/1.1 HTTPS/1.1 HTP/1.1 FTP/1.1 HTTP-1.1 HTTP1.1 1.1), 'HTTP /1.1', 'HTTP/ 1.1';
line("GET / $_", 'version_unsupported', 505) for qw(HTTP/2.0 HTTP/3.0 HTTP/0.9 HTTP/9.9 HTTP/0.0);
case('the preface of HTTP/2', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", qr/400|505/, qr/version_unsupported|bad_/);
case('a bare LF in front', "\nGET / HTTP/1.1\r\n$host\r\n", 400, qr/bad_/);
case('a bare CR in front', "\rGET / HTTP/1.1\r\n$host\r\n", 400, qr/bad_/);
case('a first line by bare LF', "GET / HTTP/1.1\n$host\r\n", 400, 'bad_line_end');
case('a first line by bare CR', "GET / HTTP/1.1\r$host\r\n", 400, qr/bad_/);
case('a first line by CR CR LF', "GET / HTTP/1.1\r\r\n$host\r\n", 400, qr/bad_/);
case('all by bare LF', "GET / HTTP/1.1\nHost: a\n\n", 400, 'bad_line_end');
case('HTTP/0.9', "GET /\r\n", 400, 'bad_request_line');
case('HTTP/0.9 by LF', "GET /\n", 400, qr/bad_/);
case('a TLS hello', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'r' x 40, 400, 'tls_on_plain');
case('garbage', "\x00\x01\x02\x03\r\n\r\n", 400, qr/bad_/);
case('garbage that is text', "hello there, how are you\r\n\r\n", 400, qr/bad_/);

# ---- the target (RFC 9112 3.2)

target($_) for qw(a b.html a.example a.example:80 ?x ://a ftp://a/ file:///etc/passwd javascript:alert(1) http:/a http:a http:// http:///x http://:80/
    http://u@a/ http://u:p@a/ http://a:x/ http://a:99999/ http://[::1/ http://a%/ http://a%zz/ http://a\b/ gopher://a ws://a/ https://a/ *x %2f .. ../ ./ ~);
target($_) for '/%', '/%1', '/%zz', '/%0', '/a%g0b', '/x/%%', '/%u0041';
target('/x#y', qr/bad_target|bad_request_line/);
target('http://a/#y', qr/bad_target|bad_request_line/);
target('#', qr/bad_target|bad_request_line/);
target("/x${_}y", qr/bad_(?:target|request_line|line_end)/) for map { chr } 0 .. 8, 11, 12, 14 .. 31, 127;
target('*', 'bad_target', $_) for qw(GET HEAD POST PUT DELETE PATCH BREW TRACE);
target($_, 'bad_target', 'CONNECT') for qw(/ * a a: :443 http://a:443/ u@a:443 a:443/ a:443?x a:x a:0 a:65536 a:443:443 [::1]:x [::1 a%:443);
case('CONNECT', "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, 'method_refused');
case('CONNECT in HTTP/1.0', "CONNECT a:443 HTTP/1.0\r\n\r\n", 405, 'method_refused');
case('TRACE', "TRACE / HTTP/1.1\r\n$host\r\n", 405, 'method_refused');
case('TRACE with Max-Forwards', "TRACE / HTTP/1.1\r\n${host}Max-Forwards: 0\r\n\r\n", 405, 'method_refused');
target($_, 'ambiguous_path') for '/a%2fb', '/a%2Fb', '/a%5cb', '/a\\b', '/%00', '/a%0ab', '/%7f', '/../x', '/a/../../x', '/%2e%2e/x', '/.%2e/x',
    '/..;/x', '/%c0%af', '/%ff', "/\xff", '/%ed%a0%80';

# ---- Host (RFC 9112 3.2, RFC 9110 7.2)

case('no Host', "GET / HTTP/1.1\r\n\r\n", 400, 'bad_host');
case('no Host, other fields', "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, 'bad_host');
case('no Host beside an absolute target', "GET http://a/ HTTP/1.1\r\n\r\n", 400, 'bad_host');
case('two Hosts', "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 'bad_host');
case('two equal Hosts', "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: a\r\n\r\n", 400, 'bad_host');
case('two Hosts in HTTP/1.0', "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, 'bad_host');
case('two Hosts, one empty', "GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n", 400, 'bad_host');
case('two Hosts beside an absolute target', "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, 'bad_host');
host($_) for '', 'a b', 'a,b c', 'a, b', 'a/b', '/', 'a?b', 'a#b', 'a\\b', 'u@a', 'u:p@a', '@', 'http://a', 'http://a/', '"a"', "'a\"", '<a>', 'a>', '{a}', 'a|b',
    'a^b', 'a`b', 'a%', 'a%4', 'a%zz', '%', 'a:x', 'a:-1', 'a:+1', 'a:8 0', 'a: 80', 'a :80', 'a:80:80', 'a:80,', 'a:99999', 'a:0x50', ':80', ':', '::1', '::1]',
    '[::1', '[', ']', '[]', '[::1]x', '[::1]x:80', '[::1]:x', '[:::1]', '[1::2::3]', '[::g]', '[1.2.3.4]', '[::1%eth0]', '[::1%25eth0]', '[a]', '[v1]', '[v.x]',
    '[vx.y]', '[::ffff:1.2.3.256]', "\xc3\xa9", "a\tb", 'a:80/', 'a..b/..';
host($_, 'bad_host', 'http://a/') for '', '"', 'a b', 'a:x', 'u@a';
host($_, 'host_mismatch', 'http://a/') for 'b', 'a.b', 'a:81', 'xa';
host('a', 'host_mismatch', $_) for 'http://b/', 'http://a:81/', 'http://aa/', 'http://[::1]/';
host('a', 'bad_target', 'https://a/');
case('Host: blank before the colon', "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, 'bad_field_name');
case('Host folded', "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400, 'obs_fold');
case('Host behind a blank', "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, qr/obs_fold|bad_/);
case('empty Host in HTTP/1.0', "GET / HTTP/1.0\r\nHost:\r\n\r\n", 400, 'bad_host');
case('bad Host in HTTP/1.0', "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400, 'bad_host');

# ---- field lines (RFC 9112 5)

fields("X$_: y", 'bad_field_name') for ' ', "\t", "\x0b", '  ';
fields(": y", 'bad_field_name');
fields("noline", 'bad_field_name');
fields("no line: x", 'bad_field_name');
fields("X${_}Y: z", 'bad_field_name') for qw{( ) < > @ ; \\ " / [ ] ? = { }}, ',', ' ', "\t", map { chr } 1 .. 8, 11, 12, 14 .. 31, 127, 128, 255;
fields("X\0Y: z", 'bad_field_name');
fields("X: a${_}b", 'bad_field_value') for map { chr } 0 .. 8, 11, 12, 14 .. 31, 127;
fields("X: a\rb", qr/bad_/);
fields("X: a\r", qr/bad_/);
fields("X: a\r\r\nY: z", qr/bad_/);
fields("X: a\rContent-Length: 5", qr/bad_/);
fields("X: a\nY: b", 'bad_line_end');
fields("X: a\n Y: b", qr/bad_line_end|obs_fold/);
fields("X: a\n", 'bad_line_end');
fields("X: a\r\n b", 'obs_fold');
fields("X: a\r\n\tb", 'obs_fold');
fields("X:\r\n b", 'obs_fold');
fields("X: a\r\n ", 'obs_fold');
fields("X: a\r\n \r\nY: b", 'obs_fold');
fields("X\r\n: a", qr/bad_/);
fields("X:a\r\n:b", qr/bad_/);
case('the empty line by bare LF', "GET / HTTP/1.1\r\n$host\n", 400, 'bad_line_end');
case('the empty line by bare CR', "GET / HTTP/1.1\r\n$host\rGET", 400, qr/bad_/);
case('the first field is folded', "GET / HTTP/1.1\r\n X: y\r\n$host\r\n", 400, qr/obs_fold|bad_/);
case('a blank line of blanks', "GET / HTTP/1.1\r\n$host \r\n\r\n", 400, qr/obs_fold|bad_/);

# ---- lengths (RFC 9112 6.2, 6.3; RFC 9110 8.6)

post("Content-Length: $_", 'bad_content_length') for '', '+5', '-5', '-0', '5 5', '5,5', '5, 5', '5, 6', ',5', '5,', '5;', '5.0', '5e0', '0x5', '0X5', 'five', '5a', 'a5',
    '1_0', '"5"', "'5'", '(5)', '٥', "5\xa0", '9223372036854775808', '18446744073709551615', '18446744073709551616', '18446744073709551621',
    '99999999999999999999999999999999', '0 5', 'chunked', '5:5', '5=', '5&';
post("Content-Length: 5\r\nContent-Length: $_", 'bad_content_length') for 5, 6, 0, '', 'x', '05';
post("Content-Length: 5\r\nX: y\r\ncontent-LENGTH: 5", 'bad_content_length');
post("Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 5", 'bad_content_length');
post("Content-Length : 5", 'bad_field_name');
post("Content-Length:\r\n 5", 'obs_fold');
post(" Content-Length: 5", 'obs_fold');
case('a length of HTTP/1.0', "POST / HTTP/1.0\r\nContent-Length: 5, 5\r\n\r\nhello", 400, 'bad_content_length');
fields("Content-Length: -1", 'bad_content_length');

# ---- transfer codings (RFC 9112 6.1, 6.3, 7)

my $chunks = "5\r\nhello\r\n0\r\n\r\n";
post("Transfer-Encoding: $_", 'bad_transfer_coding', 400, $chunks) for '', ',', ',chunked', 'chunked,', 'chunked,chunked', 'chunked, chunked', 'chunked, identity',
    'identity', 'gzip', 'deflate', 'compress', 'x-gzip', 'foo', 'chunked, gzip', 'gzip, chunked, gzip', 'chunked;', 'chunked;x', 'chunked;x=y', 'chunked; q=1', '"chunked"',
    "'chunked'", 'xchunked', 'chunkedx', 'x chunked', 'chunked x', 'chunked chunked', 'chun ked', "chunk\ted", '(chunked)', 'chunked/1', 'chunked,,', ';chunked', '=chunked',
    'chunked, gzip, chunked', 'chunk', 'c', '@', "chunked\xa0", 'none', 'trailers';
post("Transfer-Encoding: $_", 'unknown_transfer_coding', 501, $chunks) for 'gzip, chunked', 'gzip,chunked', 'identity, chunked', 'foo, chunked', 'foo;a=b, chunked',
    'deflate, gzip, chunked', "gzip\r\nTransfer-Encoding: chunked";
post("Transfer-Encoding: $_", 'bad_transfer_coding', 400, $chunks) for "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: identity",
    "chunked\r\nTransfer-Encoding:", "\r\nTransfer-Encoding: chunked", "chunked\r\ntransfer-encoding: gzip";
post("Transfer-Encoding: chunked\x0b", qr/bad_/, 400, $chunks);
post("Transfer-Encoding: \x0bchunked", qr/bad_/, 400, $chunks);
post("Transfer-Encoding: chunked\x00", qr/bad_/, 400, $chunks);
post("Transfer-Encoding : chunked", 'bad_field_name', 400, $chunks);
post("Transfer-Encoding\t: chunked", 'bad_field_name', 400, $chunks);
post("Transfer-Encoding:\r\n chunked", 'obs_fold', 400, $chunks);
post("Transfer\rEncoding: chunked", qr/bad_/, 400, $chunks);
post("X: y\nTransfer-Encoding: chunked", 'bad_line_end', 400, $chunks);
post("Content-Length: $_\r\nTransfer-Encoding: chunked", 'length_and_coding', 400, $chunks) for 0, 5, 15, 100;
post("Transfer-Encoding: chunked\r\nContent-Length: $_", 'length_and_coding', 400, $chunks) for 0, 5, 15;
post("Content-Length: 5\r\nTransfer-Encoding: $_", qr/length_and_coding|bad_transfer_coding/, 400, $chunks) for 'identity', 'gzip', 'gzip, chunked', '';
post("Content-Length: x\r\nTransfer-Encoding: chunked", qr/length_and_coding|bad_content_length/, 400, $chunks);
case("a coding in HTTP/1.0: $_", "POST / HTTP/1.0\r\n$_\r\n\r\n$chunks", 400, 'bad_transfer_coding')
    for 'Transfer-Encoding: chunked', "Connection: keep-alive\r\nTransfer-Encoding: chunked", 'Transfer-Encoding: gzip, chunked', "Transfer-Encoding: chunked\r\nContent-Length: 5";
case('a coding in HTTP/1.0 with Host', "GET / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n$chunks", 400, 'bad_transfer_coding');

# ---- other fields

fields("Connection: $_", 'bad_field_value') for 'a b', '"close"', 'close;x', 'a=b', 'a/b', '@', "\xe9", 'close, (x)', 'x,y z,close';
post("Expect: $_\r\nContent-Length: 5", 'bad_expect', 417) for 'magic', '200-ok', '100-continued', '100', '100-continue, x', 'x, 100-continue', '100-continue;x=y', "100-continue\r\nExpect: x";
fields('Expect: magic', 'bad_expect', 417);

# ---- limits

case('a long target', 'GET /' . 'x' x 70_000 . " HTTP/1.1\r\n$host\r\n", 414, 'target_too_long');
case('a long target that does not end', 'GET /' . 'x' x 200_000, 414, 'target_too_long');
case('a long field', "GET / HTTP/1.1\r\n${host}X: " . 'y' x 70_000 . "\r\n\r\n", 431, qr/field_too_long|head_too_large/);
case('a long name', "GET / HTTP/1.1\r\n${host}" . 'x' x 70_000 . ": y\r\n\r\n", 431, qr/field_too_long|head_too_large/);
case('a field that does not end', "GET / HTTP/1.1\r\n${host}X: " . 'y' x 300_000, 431, qr/field_too_long|head_too_large/);
case('many fields', "GET / HTTP/1.1\r\n$host" . "X: y\r\n" x 2000 . "\r\n", 431, qr/too_many_fields|head_too_large/);
case('a large head', "GET / HTTP/1.1\r\n$host" . ('X: ' . 'y' x 4000 . "\r\n") x 90 . "\r\n", 431, 'head_too_large');

# ---- the verdicts

my $evil = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
my %seen;
for my $case (@cases) {
    my ($name, $bytes, $status, $reason) = @$case;
    $name =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
    $name =~ s/#/\\#/g;
    $name = substr($name, 0, 100) . '...' if length $name > 100;
    my $c = $w->conn;
    $c->send($bytes . $evil);
    my $m = $c->recv_response(timeout => 5, method => $bytes =~ /^HEAD / ? 'HEAD' : 'GET');
    my $rest = $m ? $c->recv_until_close(timeout => 5) : '';
    my $is = $m ? $m->status : $c->closed || 'silence';
    my $closed = $c->closed;
    my $ok = $is =~ (ref $status ? $status : qr/^$status$/) && $closed && $rest eq '' && $m->closes;
    ok($ok, $name) or diag("status $is, want $status; ended by '$closed'; behind it: '" . substr($rest, 0, 200) . "'" . ($m ? "\n" . $m->head : ''));
    $c->close;
}
is($w->upstream_conns('app'), 0, scalar(@cases) . ' cases: nothing of all that has reached the upstream')
    or diag(map { "$_\n" } $w->upstream_raw('app'));
is($w->get('/')->status, 200, 'a good one does');

$w->stop;
my @log = $w->access;
is(scalar @log, @cases + 1, 'each has its line in the access log');
my @wrong;
for my $i (0 .. $#cases) {
    my ($name, undef, undef, $reason) = @{ $cases[$i] };
    my $got = $log[$i]{reason} // 'none';
    push @wrong, "$name: $got, want $reason" unless $got =~ (ref $reason ? $reason : qr/^$reason$/);
}
ok(!@wrong, 'with its reason') or diag(map { s/([^ -~])/sprintf '\\x%02x', ord $1/ger . "\n" } @wrong);

done_testing;
