// node's https and tls before weir: node.js PORT CA CERT KEY.  What came of each
// piece is a line of JSON, { name, result }, on stdout.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const tls = require('tls');

const [port, ca, cert, key] = [Number(process.argv[2]), ...process.argv.slice(3).map((path) => fs.readFileSync(path))];
const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');
const host = 'node.example';
const common = { host: '127.0.0.1', port, servername: host, ca };

function ask(path, options = {}, body = undefined) {
    return new Promise((done, fail) => {
        const req = https.request({ ...common, path, headers: { Host: host, ...options.headers }, ...options }, (res) => {
            const pieces = [];
            res.on('data', (piece) => pieces.push(piece));
            res.on('error', fail);
            res.on('end', () => done({ status: res.statusCode, headers: res.headers, body: Buffer.concat(pieces),
                localPort: socket.localPort, resumed: socket.isSessionReused(), version: socket.getProtocol() }));
        });
        let socket;
        req.on('socket', (s) => { socket = s; });
        req.on('error', fail);
        req.end(body);
    });
}
const code = (p) => p.then((got) => `${got.status}`, (e) => e.code);

const pieces = {
    async verified() {
        const good = await ask('/echo');
        return { status: good.status, version: good.version, stranger: await code(ask('/echo', { ca: [] })),
            name: await code(ask('/echo', { agent: new https.Agent({ maxCachedSessions: 0 }), checkServerIdentity: (_, c) => tls.checkServerIdentity('wrong.example', c) })) };
    },

    async keepalive() {
        const agent = new https.Agent({ keepAlive: true, maxSockets: 4 });
        const all = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(`/echo/${n}`, { agent })));
        agent.destroy();
        return { good: all.filter((got, n) => got.status === 200 && JSON.parse(got.body).target === `/echo/${n}`).length,
            sockets: new Set(all.map((got) => got.localPort)).size };
    },

    // The agent keeps sessions by itself.
    async sessions() {
        const result = {};
        for (const version of ['TLSv1.2', 'TLSv1.3']) {
            const agent = new https.Agent({ maxVersion: version, keepAlive: false });
            const resumed = [];
            for (let n = 0; n < 4; n++) {
                resumed.push((await ask('/echo', { agent })).resumed);
            }
            result[version] = resumed;
        }
        return result;
    },

    async alpn() {
        const chosen = (list) => new Promise((done) => {
            const s = tls.connect({ ...common, ALPNProtocols: list }, () => { done(s.alpnProtocol); s.destroy(); });
            s.on('error', (e) => done(e.code));
        });
        return [await chosen(['h2', 'http/1.1']), await chosen(['h2'])];
    },

    async large() {
        const body = Buffer.alloc(5000000, 'abcdefg');
        const up = JSON.parse((await ask('/sum', { method: 'POST' }, body)).body);
        const down = await ask('/big/?bytes=5000000');
        return { up: up.bytes === body.length && up.sha256 === sha256(body), down: down.body.length };
    },

    async certificate() {
        const mine = { servername: 'closed.example', headers: { Host: 'closed.example' } };
        return [await code(ask('/echo', { ...mine, cert, key })), await code(ask('/echo', mine))];
    },

    // The end of a connection is announced: 'end' comes, and no error.
    async end() {
        return new Promise((done) => {
            const events = [];
            const s = tls.connect(common, () => s.write(`GET /echo HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
            s.on('data', () => {});
            s.on('end', () => events.push('end'));
            s.on('error', (e) => events.push(e.code));
            s.on('close', () => done(events));
        });
    },

    async broken() {
        return ask('/cut').then(() => 'whole', (e) => e.code);
    },
};

(async () => {
    for (const [name, piece] of Object.entries(pieces)) {
        let timer;
        const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error('not in time')), 20000); });
        const result = await Promise.race([piece(), late]).catch((e) => `${e}`);
        clearTimeout(timer);
        process.stdout.write(JSON.stringify({ name, result }) + '\n');
    }
    process.exit();
})();
