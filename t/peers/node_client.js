// node's http client before weir: node_client.js PORT.  What came of each piece
// is a line of JSON, { name, ... }, on stdout.
'use strict';
const crypto = require('crypto');
const http = require('http');

const port = Number(process.argv[2]);
const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

// A request on the agent's connections, sent by send(req); what came back, with the events before it.
function ask(path, options = {}, send = (req) => req.end()) {
    return new Promise((done, fail) => {
        const req = http.request({ host: '127.0.0.1', port, path, agent, ...options });
        const got = { informs: [], continued: 0 };
        req.on('information', ({ statusCode, headers }) => got.informs.push({ status: statusCode, link: headers.link }));
        req.on('continue', () => got.continued++);
        req.on('error', fail);
        req.on('response', (res) => {
            const pieces = [];
            res.on('data', (piece) => pieces.push(piece));
            res.on('error', fail);
            res.on('end', () => done(Object.assign(got, { status: res.statusCode, headers: res.headers, trailers: res.trailers,
                body: Buffer.concat(pieces), complete: res.complete, localPort: res.socket ? res.socket.localPort : socket.localPort,
                reused: req.reusedSocket })));
        });
        let socket;
        req.on('socket', (s) => { socket = s; });
        send(req);
    });
}
const json = (got) => JSON.parse(got.body);

const pieces = {
    // A connection to the origin that nobody uses after this.
    async idle() {
        return json(await ask('/idle')).conn;
    },

    async keepalive() {
        const all = await Promise.all(Array.from({ length: 200 }, (_, n) => ask(`/echo/${n}`)));
        return { good: all.filter((got, n) => got.status === 200 && json(got).url === `/echo/${n}`).length,
            sockets: new Set(all.map((got) => got.localPort)).size, upstream: new Set(all.map((got) => json(got).conn)).size };
    },

    async head() {
        const got = await ask('/echo', { method: 'HEAD' });
        const after = await ask('/echo');
        return { status: got.status, length: Number(got.headers['content-length']), bytes: got.body.length,
            keepAlive: got.headers['keep-alive'] ?? null, same: after.localPort === got.localPort && after.reused };
    },

    async empty() {
        const got = await ask('/empty');
        const after = await ask('/echo');
        return { status: got.status, bytes: got.body.length, framing: got.headers['transfer-encoding'] ?? null,
            same: after.localPort === got.localPort && after.reused };
    },

    async cached() {
        const got = await ask('/cached', { headers: { 'If-None-Match': '"tag"' } });
        const after = await ask('/cached');
        return { status: got.status, etag: got.headers.etag, bytes: got.body.length, after: `${after.status} ${after.body}`,
            same: after.localPort === got.localPort && after.reused };
    },

    async cookies() {
        return (await ask('/cookies')).headers['set-cookie'];
    },

    async chunked() {
        const got = await ask('/chunked');
        return { framing: got.headers['transfer-encoding'], complete: got.complete, bytes: got.body.length, sha256: sha256(got.body) };
    },

    async upload() {
        const whole = Buffer.alloc(1000000, 'abcdefg');
        const got = json(await ask('/echo', { method: 'POST', headers: { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' } }, (req) => {
            let at = 0;
            const next = () => {
                while (at < whole.length) {
                    const piece = whole.subarray(at, at + 10000);
                    at += piece.length;
                    if (!req.write(piece)) {
                        req.once('drain', next);
                        return;
                    }
                }
                req.addTrailers({ 'X-Sum': sha256(whole) });
                req.end();
            };
            next();
        }));
        return { method: got.method, framing: got.headers['transfer-encoding'], bytes: got.bytes,
            good: got.sha256 === sha256(whole), trailer: got.trailers['x-sum'] === sha256(whole) };
    },

    // The body is sent when the origin has said so.
    async expect() {
        const got = await ask('/echo', { method: 'PUT', headers: { Expect: '100-continue', 'Content-Length': 10 } }, (req) => {
            req.on('continue', () => req.end('0123456789'));
            req.flushHeaders();
        });
        const after = await ask('/echo');
        return { continued: got.continued, status: got.status, bytes: json(got).bytes, good: json(got).sha256 === sha256('0123456789'),
            after: after.status };
    },

    async refused() {
        const got = await ask('/refused', { method: 'PUT', headers: { Expect: '100-continue', 'Content-Length': 10 } }, (req) => {
            req.on('response', (res) => res.on('end', () => req.destroy()));
            req.flushHeaders();
        });
        return { continued: got.continued, status: got.status, body: `${got.body}`, connection: got.headers.connection };
    },

    async trailers() {
        const got = await ask('/trailers', { headers: { TE: 'trailers', Connection: 'TE, keep-alive' } });
        return { body: `${got.body}`, announced: got.headers.trailer, good: got.trailers['x-sum'] === sha256('a body') };
    },

    async hints() {
        const got = await ask('/hints');
        return { informs: got.informs, status: got.status, body: `${got.body}` };
    },

    async cut() {
        return ask('/cut').then(() => 'whole', (e) => e.code);
    },

    // Gone in the middle of an answer.
    async abort() {
        return new Promise((done, fail) => {
            const req = http.get({ host: '127.0.0.1', port, path: '/beats' }, (res) => {
                res.once('data', (data) => {
                    req.destroy();
                    done(`${data}`);
                });
                res.on('error', () => {});
            });
            req.on('error', fail);
        });
    },

    async upgrade() {
        const key = crypto.randomBytes(16).toString('base64');
        const accept = crypto.createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        const req = http.request({ host: '127.0.0.1', port, path: '/socket', headers: {
            Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': key, 'Sec-WebSocket-Version': 13,
        } });
        req.end();
        return new Promise((done, fail) => {
            req.on('error', fail);
            req.on('response', (res) => fail(new Error(`status ${res.statusCode}`)));
            req.on('upgrade', (res, socket, head) => {
                const frames = [];
                let input = Buffer.alloc(0);
                const send = (op, text) => {
                    const mask = Buffer.from([1, 2, 3, 4]);
                    socket.write(Buffer.concat([Buffer.from([0x80 | op, 0x80 | text.length]), mask,
                        Buffer.from(text).map((b, i) => b ^ mask[i % 4])]));
                };
                const take = (data) => {
                    input = Buffer.concat([input, data]);
                    while (input.length >= 2 && input.length >= 2 + input[1]) {
                        frames.push(`${input[0] & 15} ${input.subarray(2, 2 + input[1])}`);
                        input = input.subarray(2 + input[1]);
                        if (frames.length < 4) {
                            send(1, `message ${frames.length}`);
                        } else if (frames.length === 4) {
                            send(8, '');
                        }
                    }
                };
                socket.on('data', take);
                socket.on('error', fail);
                socket.on('end', () => {
                    socket.end();
                    done({ status: res.statusCode, upgrade: res.headers.upgrade,
                        accepted: res.headers['sec-websocket-accept'] === accept, frames });
                });
                take(head);
            });
        });
    },

    // An upgrade that the origin does not know is an answer like any other.
    async unknown() {
        const got = await ask('/none', { agent: false, headers: { Connection: 'Upgrade', Upgrade: 'websocket',
            'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': 13 } });
        return { status: got.status, body: `${got.body}` };
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
