# A browser as the client: a page from nginx with all that pages do, from a
# stylesheet to a WebSocket.  t/peers/browser.js is the page's script.
use v5.36;
use utf8;
use Digest::SHA 'sha256_hex';
use Encode 'encode_utf8';
use JSON::PP;
use Test::More;
use Weir;
use Weir::Browser;

plan skip_all => 'chromium is not installed (Debian: chromium)' unless Weir::Browser::program();

# What stands behind /app/, by the first word of the path below it.
my %app = (
    part => sub ($c, $m, $n) {
        $c->note("part $n");
        $c->wait_gate('parts') if $n <= 4;
        $c->respond(200, "part $n");
    },
    form => sub ($c, $m, @) {
        $c->respond(303, '', Location => "/app/thanks?" . $m->body, 'Set-Cookie' => 'a=1; Path=/', 'Set-Cookie' => 'b=2; Path=/app');
    },
    thanks => sub ($c, $m, @) { $c->respond(200, join ' ', $m->target, $m->all('Cookie')) },
    json   => sub ($c, $m, @) { $c->respond(200, $m->body, 'Content-Type' => $m->field('Content-Type')) },
    upload => sub ($c, $m, @) { $c->respond(200, $m->field('Content-Type')) },
    cors   => sub ($c, $m, @) {
        my @allow = ('Access-Control-Allow-Origin' => $m->field('Origin') // '');
        return $c->respond(200, $m->method . ' ' . $m->field('X-Own'), @allow) if $m->method ne 'OPTIONS';
        push @allow, map { ("Access-Control-Allow-$_" => $m->field("Access-Control-Request-$_" =~ s/s$//r)) } 'Methods';
        $c->respond(204, '', @allow, 'Access-Control-Allow-Headers' => $m->field('Access-Control-Request-Headers'));
    },
    events => sub ($c, $m, @) {
        my $from = $m->field('Last-Event-ID') // 0;
        $c->note("events from $from");
        $c->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        $c->chunk("retry: 10\n\n");
        for my $n ($from + 1 .. $from + 3) {
            $c->wait_gate("event.$n") or return 'stop';
            $c->chunk("event: count\nid: $n\ndata: event $n\n\n");
            if ($n == 4) { comment_until_closed($c); return 'stop' }
        }
        $c->send("0\r\n\r\n");
    },
    seen   => sub ($c, $m, $n) { $c->note("seen $n"); $c->respond(204) },
    socket => sub ($c, $m, @) {
        my $accept = Weir::Upstream::ws_accept($m->field('Sec-WebSocket-Key'));
        $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            . "Sec-WebSocket-Accept: $accept\r\nSec-WebSocket-Protocol: echo\r\n\r\n" . Weir::Upstream::ws_frame(9, 'there?'));
        while (my ($op, $data, $more) = $c->recv_frame) {
            if ($op == 10) { $c->note("pong $data"); next }
            $c->send(Weir::Upstream::ws_frame($op, $data, more => $more));
            last if $op == 8;
        }
        return 'stop';
    },
    endless => sub ($c, $m, @) {
        $c->send("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nthe beginning");
        my $block = pattern(65536);
        1 while $c->send($block) == length $block;
        $c->note('endless left') if $c->{send_error};
        return 'stop';
    },
    report => sub ($c, $m, @) { $c->respond(204); $c->note('report') },
);

# As event streams are kept alive; at most for 10 seconds.
sub comment_until_closed ($c) {
    for (1 .. 500) {
        if ($c->closed(timeout => 0.02)) { $c->note('events left'); return }
        $c->chunk(": still here\n\n");
    }
}

my $w = Weir->new(start => 0, conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server site.localhost]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:nginx@
/app/* = 127.0.0.1:@UPSTREAM:app@
[server api.localhost]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        my ($what, $n) = $m->target =~ m{^/app/(\w+)/?(\w+)?};
        return $app{$what}->($c, $m, $n // 0);
    });
} });

my $big = pattern(2_000_000);
mkdir $w->dir . '/www' or die $!;
$w->write_file('www/big', $big);
$w->write_file('www/data.json', '{"some": "data"}');
$w->write_file('www/style.css', '/* ' . 'long ' x 40_000 . "*/\nbody { color: rgb(1, 2, 3) }\n");
open my $script, '<:raw', 't/peers/browser.js' or die $!;
$w->write_file('www/page.js', do { local $/; readline $script });
$w->write_file('www/index.html', <<'HTML');
<!doctype html>
<meta charset="utf-8">
<title>a page</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<script src="/page.js"></script>
<form action="/app/form" method="post" target="frame"><input name="word" value="a b&amp;c"></form>
<iframe name="frame"></iframe>
HTML
$w->nginx(nginx => 'root @DIR@/www; gzip on; gzip_proxied any; gzip_types text/css;');
$w->start;

my $browser = Weir::Browser->new($w);
my $site = 'site.localhost:' . $w->port;
$browser->show("http://$site/");

if (!ok($w->wait_note(qr/part 1$/, 30), 'the page is loaded, its script runs')) {
    diag($browser->said);
    done_testing;
    exit;
}
ok($w->wait_note(qr/part $_$/), "fetch $_ of four that wait for each other") for 2 .. 4;
$w->open_gate('parts');
for my $n (1 .. 4) {
    $w->wait_note($n < 4 ? qr/events from 0/ : qr/events from 3/);
    $w->open_gate("event.$n");
    ok($w->wait_note(qr/seen $n$/), "event $n is seen before there is another");
}
ok($w->wait_note(qr/report/, 30), 'the page comes to its end') or diag($browser->said);
my ($report) = map { $_->body } grep { ($_->target // '') eq '/app/report' } $w->upstream_got('app');
my $saw = decode_json($report // '{}');

is_deeply($saw->{style}, { color => 'rgb(1, 2, 3)', smaller => JSON::PP::true }, 'a stylesheet, compressed by nginx');
is_deeply($saw->{download}, { bytes => 2_000_000, sha256 => sha256_hex($big) }, 'a download of 2 MB');
is_deeply($saw->{parallel}, [ map { "part $_" } 1 .. 8 ], 'eight at once get each its own');
is_deeply($saw->{revalidation}, { status => 200, same => JSON::PP::true }, 'what is in the cache is still good');
is_deeply($saw->{range}, { status => 206, range => 'bytes 100-199/2000000', text => substr $big, 100, 100 }, 'a range');
is_deeply($saw->{head}, { status => 200, length => '2000000', text => '' }, 'HEAD');
is($saw->{missing}, 404, "nginx's 404");
my $form = 'word=a+b%26c';
is_deeply($saw->{form}, { path => '/app/thanks', text => "/app/thanks?$form b=2; a=1", cookies => ['a=1'] },
    'a form, the redirect after it, and two cookies');
is_deeply($saw->{json}, { status => 200, body => { 'grüße' => [ 1, 2, 3 ] } }, 'JSON there and back');
like($saw->{upload}, qr{^multipart/form-data; boundary=}, 'an upload');
my ($upload) = grep { ($_->target // '') eq '/app/upload' } $w->upstream_got('app');
ok(index($upload ? $upload->body : '', "\r\n\r\n" . substr($big, 0, 300_000) . "\r\n") > 0, 'with a file of 300 kB in it');
is_deeply($saw->{elsewhere}, { status => 200, text => 'DELETE yes' }, 'a request to another origin, after its preflight');
is_deeply($saw->{events}, { opened => 2, seen => [ map { "$_ event $_" } 1 .. 4 ] }, 'an event stream, resumed when it was ended');
ok($w->wait_note(qr/events left/), 'and left by the page: the origin knows');
is_deeply($saw->{websocket}, { protocol => 'echo', got => [ 'grüße', '', sha256_hex($big) ], code => 4000,
    reason => 'enough', wasClean => JSON::PP::true }, 'a WebSocket: text, nothing, 2 MB, and a clean end');
ok($w->wait_note(qr/pong there\?/), 'whose ping is answered');
like($saw->{abandoned}, qr/^the beginning/, 'a download that is given up');
ok($w->wait_note(qr/endless left/), 'is so for the origin too');

# A line for each of them in the access log, with the browser's name.
$browser->end;
$w->stop;
my @lines = $w->access;
my @expect = (
    'GET / 200', 'GET /style.css 200', 'GET /page.js 200', 'GET /big 200', 'GET /big 206', 'HEAD /big 200', 'GET /none 404',
    'GET /data.json 200', 'GET /data.json 304', (map { "GET /app/part/$_ 200" } 1 .. 8), 'POST /app/form 303',
    "GET /app/thanks?$form 200", 'PUT /app/json 200', 'POST /app/upload 200', 'OPTIONS /app/cors 204', 'DELETE /app/cors 200',
    ('GET /app/events 200') x 2, (map { "POST /app/seen/$_ 204" } 1 .. 4), 'GET /app/socket 101', 'GET /app/endless 200',
    'POST /app/report 204',
);
is_deeply([ sort map { "$_->{request_method} $_->{request_uri} $_->{status}" } @lines ], [ sort @expect ], 'a line for each request');
my %by = map { $_->{request_uri} => $_ } @lines;
is_deeply([ grep { $_->{http_user_agent} ne ($saw->{userAgent} // '') } @lines ], [], "each with the browser's User-Agent");
like($saw->{userAgent}, qr{^Mozilla/5\.0 .*Chrome/}, 'which is one');
is($by{'/app/endless'}{reason}, 'client_closed', 'what was given up has its reason');
is_deeply([ sort map { $_->{request_uri} } grep { $_->{reason} } @lines ], [qw(/app/endless /app/events)], 'as has the stream that was left, and nothing else');
my %conns = map { $_->{connection} => 1 } @lines;
cmp_ok(keys %conns, '<', @lines / 2, 'connections are used again');

done_testing;
