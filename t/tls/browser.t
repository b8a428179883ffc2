# A browser over TLS: what it agrees on, a secure context, many things at
# once, large bodies both ways, a WebSocket, and sessions after a reload of weir.
use v5.36;
use Digest::SHA qw(sha256 sha256_hex);
use JSON::PP;
use MIME::Base64 'encode_base64';
use Test::More;
use Weir;
use Weir::Browser;
use Weir::Certs;

plan skip_all => 'chromium is not installed (Debian: chromium)' unless Weir::Browser::program();

my $page = <<'HTML';
<!doctype html><meta charset="utf-8"><title>a page</title><link rel="icon" href="data:,">
<script>
const hex = async (b) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', b))].map((x) => x.toString(16).padStart(2, '0')).join('');
const pieces = {
    secure: async () => isSecureContext,
    protocols: async () => [...new Set(performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).map((e) => e.nextHopProtocol))],
    many: async () => (await Promise.all([...Array(60).keys()].map(async (n) => await (await fetch(`/part/${n}`)).text() === `part ${n}`))).filter((x) => x).length,
    down: async () => hex(await (await fetch('/big')).arrayBuffer()),
    up: async () => (await fetch('/sum', { method: 'POST', body: new Uint8Array(3000000).fill(120) })).text(),
    socket: () => new Promise((done) => {
        const s = new WebSocket(`wss://${location.host}/socket`), got = [];
        s.onopen = () => s.send('one');
        s.onmessage = (m) => { got.push(m.data.length > 10 ? m.data.length : m.data); if (got.length < 2) { s.send('x'.repeat(300000)); } else { s.close(1000); } };
        s.onerror = () => got.push('error');
        s.onclose = (e) => done([...got, e.code, e.wasClean]);
    }),
    other: async () => { try { await fetch(`https://unknown.localhost:${location.port}/`, { mode: 'no-cors' }); return 'served'; } catch (e) { return e.name; } },
    broken: async () => { try { return (await (await fetch('/cut')).text()).length; } catch (e) { return e.name; } },
};
(async () => {
    const report = {};
    for (const [name, piece] of Object.entries(pieces)) { try { report[name] = await piece(); } catch (e) { report[name] = `${e}`; } }
    await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
})();
</script>
HTML
my $big = pattern(4_000_000);
my $w = Weir->new(start => 0, log => 'json', conf => <<'INI', upstream => { app => sub ($c) {
[server site.localhost]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        my $what = $m->target;
        if ($what =~ m{^/part/(\d+)}) { $c->respond(200, "part $1") }
        elsif ($what eq '/big') { $c->respond(200, $big) }
        elsif ($what eq '/sum') { $c->respond(200, length($m->body) . ' ' . sha256_hex($m->body)) }
        elsif ($what eq '/report') { $c->respond(204); $c->note('report') }
        elsif ($what eq '/cut') { $c->send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning"); return 'stop' }
        elsif ($what eq '/socket') {
            $c->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                . Weir::Upstream::ws_accept($m->field('Sec-WebSocket-Key')) . "\r\n\r\n");
            while (my ($op, $data, $more) = $c->recv_frame) {
                $c->send(Weir::Upstream::ws_frame($op, $data, more => $more));
                last if $op == 8;
            }
            return 'stop';
        }
        else { $c->respond(200, $page, 'Content-Type' => 'text/html', 'Cache-Control' => 'no-store') }
    });
} });
my ($cert) = Weir::Certs::make($w->dir, hosts => ['site.localhost']);
$w->start;

# The browser trusts this one key.
my $public = Weir::Certs::openssl(qw(x509 -noout -pubkey -in), $cert) =~ s/-----.*?-----\n//gr;
my $pin = encode_base64(sha256(MIME::Base64::decode_base64($public)), '');
my $browser = Weir::Browser->new($w);
my $url = 'https://site.localhost:' . $w->port('https') . '/';
$browser->show($url, "--ignore-certificate-errors-spki-list=$pin");
ok($w->wait_note(qr/report/, 60), 'the page has done all that it does') or diag($browser->said);
my ($report) = map { decode_json($_->body) } grep { ($_->target // '') eq '/report' } $w->upstream_got('app');
$report //= {};
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
is_deeply($report->{secure}, $yes, 'a secure context');
is_deeply($report->{protocols}, ['http/1.1'], 'HTTP/1.1 by ALPN');
is($report->{many}, 60, 'sixty fetches at once');
is($report->{down}, sha256_hex($big), 'four megabytes down');
is($report->{up}, '3000000 ' . sha256_hex('x' x 3_000_000), 'three up');
is_deeply($report->{socket}, [ 'one', 300_000, 1000, $yes ], 'a WebSocket to its clean end') or diag(explain $report->{socket});
is($report->{other}, 'TypeError', 'a name that nobody has is refused');
is($report->{broken}, 'TypeError', 'a response that breaks off is an error');
$browser->end;

# One that does not know the certificate shows its own warning.
my $before = () = $w->upstream_got('app');
$browser->show($url);
ok($w->wait_log(qr/handshake failed, closed reason=tls_(?:alert|closed) .*name="site\.localhost"/, 30), 'without trust there is no handshake');
$browser->end;
is(scalar(() = $w->upstream_got('app')), $before, 'and no request');
my @lines = grep { defined $_->{tls_version} } $w->access;
is(scalar(grep { $_->{tls_version} ne 'TLSv1.3' } @lines), 0, 'TLS 1.3 throughout');
is_deeply([ sort map { $_->{request_uri} } grep { $_->{reason} ne '' } @lines ], ['/cut'], 'nothing failed but what was to');

done_testing;
