# node and a browser as clients of TLS: connections that are kept, sessions that
# are resumed, a page with all that it loads, and a WebSocket.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;
use Weir::Browser;
use Weir::Certs;

my $page = <<'HTML';
<!doctype html><meta charset="utf-8"><title>a page</title><link rel="icon" href="data:,">
<script>
(async () => {
  const parts = await Promise.all([...Array(12).keys()].map(n => fetch('/part/' + n).then(r => r.text())));
  const big = await fetch('/big').then(r => r.arrayBuffer());
  const secure = window.isSecureContext && location.protocol === 'https:';
  const back = await new Promise((good, bad) => {
    const s = new WebSocket('wss://' + location.host + '/socket');
    s.onopen = () => s.send('through TLS');
    s.onmessage = m => { good(m.data); s.close() };
    s.onerror = bad;
  });
  await fetch('/report?' + encodeURIComponent(JSON.stringify({parts, big: big.byteLength, secure, back})));
})().catch(e => fetch('/report?' + encodeURIComponent(JSON.stringify({error: String(e)}))));
</script>
HTML
my $w = Weir->new(start => 0, log => 'json', upstream => { app => sub ($c) {
    $c->each_request(sub ($c, $m) {
        my $target = $m->target;
        if ($target eq '/socket') {
            my $accept = Weir::Upstream::ws_accept($m->field('Sec-WebSocket-Key'));
            $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n");
            while (my ($op, $data) = $c->recv_frame) {
                $c->send(Weir::Upstream::ws_frame($op, $data));
                last if $op == 8;
            }
            return 'stop';
        }
        return $c->respond(200, $page, 'Content-Type' => 'text/html') if $target eq '/';
        return $c->respond(200, pattern(1_500_000)) if $target eq '/big';
        $c->note($target =~ s/.*\?//r) if $target =~ m{^/report};
        return $c->respond(200, $target);
    });
} });
my $dir = $w->dir;
my ($cert, $key) = Weir::Certs::make($dir, hosts => [ 'localhost', 'site.localhost' ]);
$w->configure(<<"INI");
[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = $cert $key
/* = 127.0.0.1:\@UPSTREAM:app\@
INI
$w->start;
my $port = $w->port;

# node: an agent that keeps connections, and one that makes a new one each time and resumes.
open my $node, '-|', 'node', '-e', <<'JS', $port, $cert or die "node: $!";
const https = require('https'), fs = require('fs');
const [port, ca] = process.argv.slice(1);
const ask = (agent, path) => new Promise((good, bad) => {
  const r = https.get({ host: '127.0.0.1', servername: 'localhost', port, path, agent, ca: fs.readFileSync(ca) }, m => {
    let n = 0;
    const resumed = m.socket.isSessionReused(), protocol = m.socket.getProtocol();
    m.on('data', d => n += d.length);
    m.on('end', () => good({ status: m.statusCode, n, resumed, protocol }));
  });
  r.on('error', bad);
});
(async () => {
  const kept = new https.Agent({ keepAlive: true, maxSockets: 3 });
  const many = await Promise.all([...Array(60).keys()].map(n => ask(kept, '/part/' + n)));
  const once = new https.Agent({ keepAlive: false, maxCachedSessions: 10 });
  const each = [];
  for (let n = 0; n < 6; n++) each.push(await ask(once, '/part/' + n));
  const big = await ask(kept, '/big');
  console.log(JSON.stringify({ good: many.filter(m => m.status === 200).length, resumed: each.filter(m => m.resumed).length, protocol: each[0].protocol, big: big.n }));
  kept.destroy();
})().catch(e => { console.log(JSON.stringify({ error: String(e) })) });
JS
my $said = decode_json(readline($node) // '{}');
close $node;
is($said->{good}, 60, 'node: 60 requests') or diag(explain($said));
my %on = map { $_ => 1 } map { /"connection":(\d+)/ } grep { /"request_uri":"\/part/ } $w->access_log;
cmp_ok(scalar keys %on, '<=', 3 + 6, '... on the three connections of its agent');
is($said->{protocol}, 'TLSv1.3', '... TLS 1.3');
cmp_ok($said->{resumed}, '>=', 5, '... new connections go on with a session');
is($said->{big}, 1_500_000, '... a large response');

SKIP: {
    skip 'chromium is not installed (Debian: chromium)', 1 unless Weir::Browser::program();
    my $spki = qx(openssl x509 -in $cert -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64);
    chomp $spki;
    my $browser = Weir::Browser->new($w);
    $browser->show("https://site.localhost:$port/", "--ignore-certificate-errors-spki-list=$spki");
    my $line = $w->wait_note(qr/parts|error/, 40);
    ok($line, 'the browser has loaded its page') or diag($browser->said);
    my ($json) = ($line // '') =~ s/%([0-9A-F]{2})/chr hex $1/gier =~ /(\{.*\})/;
    my $got = decode_json($json // '{}');
    is_deeply($got, { parts => [ map { "/part/$_" } 0 .. 11 ], big => 1_500_000, secure => JSON::PP::true, back => 'through TLS' },
        '... with twelve parts, a large one and a WebSocket, in a secure context') or diag(explain($got));
    $browser->end;
}
$w->finish;
done_testing;
