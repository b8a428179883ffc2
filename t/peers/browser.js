// What the page of t/peers/browser.t does: one piece after the other, each with
// its findings in the report, which is posted at the end.

const text = async (url, init) => (await fetch(url, init)).text();
const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('');
const sha256 = async (bytes) => hex(await crypto.subtle.digest('SHA-256', bytes));
let big; // what /big was

const pieces = {
    async style() {
        const entry = performance.getEntriesByType('resource').find((e) => e.name.endsWith('/style.css'));
        return { color: getComputedStyle(document.body).color, smaller: entry.encodedBodySize < entry.decodedBodySize };
    },

    async download() {
        big = await (await fetch('/big')).arrayBuffer();
        return { bytes: big.byteLength, sha256: await sha256(big) };
    },

    async parallel() {
        return Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => text(`/app/part/${n}`)));
    },

    // The cache asks whether what it has is still good.
    async revalidation() {
        const first = await text('/data.json');
        const again = await fetch('/data.json', { cache: 'no-cache' });
        return { status: again.status, same: await again.text() === first };
    },

    async range() {
        const r = await fetch('/big', { headers: { Range: 'bytes=100-199' }, cache: 'no-store' });
        return { status: r.status, range: r.headers.get('Content-Range'), text: await r.text() };
    },

    async head() {
        const r = await fetch('/big', { method: 'HEAD', cache: 'no-store' });
        return { status: r.status, length: r.headers.get('Content-Length'), text: await r.text() };
    },

    async missing() {
        return (await fetch('/none')).status;
    },

    // As a person sends it: the answer is a redirect, whose page is shown in a frame.
    async form() {
        const frame = document.querySelector('iframe');
        const loaded = new Promise((done) => frame.addEventListener('load', done));
        document.querySelector('form').submit();
        await loaded;
        return { path: frame.contentWindow.location.pathname, text: frame.contentDocument.body.textContent,
            cookies: document.cookie.split('; ').sort() };
    },

    async json() {
        const r = await fetch('/app/json', {
            method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ grüße: [1, 2, 3] }),
        });
        return { status: r.status, body: await r.json() };
    },

    async upload() {
        const data = new FormData();
        data.append('name', 'value');
        data.append('file', new Blob([big.slice(0, 300000)]), 'pattern.bin');
        return text('/app/upload', { method: 'POST', body: data });
    },

    // Another origin is asked beforehand whether it would take such a request.
    async elsewhere() {
        const r = await fetch(location.origin.replace('site', 'api') + '/app/cors', {
            method: 'DELETE', headers: { 'X-Own': 'yes' },
        });
        return { status: r.status, text: await r.text() };
    },

    // The origin sends the next event when it was told that the one before was seen; after the third
    // it ends the stream, which the browser takes up again where it was.
    async events() {
        const seen = [];
        const source = new EventSource('/app/events');
        let opened = 0;
        source.addEventListener('open', () => opened++);
        await new Promise((done) => source.addEventListener('count', async (e) => {
            seen.push(`${e.lastEventId} ${e.data}`);
            await text(`/app/seen/${seen.length}`, { method: 'POST' });
            if (seen.length === 4) {
                done();
            }
        }));
        source.close();
        return { seen, opened };
    },

    async websocket() {
        const got = [];
        const ws = new WebSocket(location.origin.replace('http', 'ws') + '/app/socket', ['other', 'echo']);
        ws.binaryType = 'arraybuffer';
        const next = () => new Promise((done) => ws.addEventListener('message', (e) => done(e.data), { once: true }));
        const closed = new Promise((done) => ws.addEventListener('close', done));
        await new Promise((done, fail) => {
            ws.addEventListener('open', done);
            ws.addEventListener('error', () => fail(new Error('no WebSocket')));
        });
        const echo = async (data) => {
            const answer = next();
            ws.send(data);
            return answer;
        };
        got.push(await echo('grüße'), await echo(''), await sha256(await echo(big)));
        ws.close(4000, 'enough');
        const { code, reason, wasClean } = await closed;
        return { protocol: ws.protocol, got, code, reason, wasClean };
    },

    // A download that the page gives up while it comes.
    async abandoned() {
        const abort = new AbortController();
        const r = await fetch('/app/endless', { signal: abort.signal });
        const first = await r.body.getReader().read();
        abort.abort();
        return new TextDecoder().decode(first.value);
    },
};

addEventListener('load', async () => {
    const report = { userAgent: navigator.userAgent };
    for (const [name, piece] of Object.entries(pieces)) {
        const late = new Promise((_, fail) => setTimeout(() => fail(new Error('not in time')), 20000));
        report[name] = await Promise.race([piece(), late]).catch((e) => `${e}`);
    }
    await text('/app/report', { method: 'POST', body: JSON.stringify(report) });
});
