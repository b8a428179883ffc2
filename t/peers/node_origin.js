// An origin on node's http server: node_origin.js PORT, or its https server:
// node_origin.js PORT CERT KEY.  A line of JSON to stdout for each thing that
// only the origin sees.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');

const tell = (what, more) => process.stdout.write(JSON.stringify({ what, ...more }) + '\n');
const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');
const body = (req) => new Promise((done, fail) => {
    const pieces = [];
    req.on('data', (piece) => pieces.push(piece));
    req.on('end', () => done(Buffer.concat(pieces)));
    req.on('error', fail);
});

const answers = {
    // What was received, and the number of the connection.
    async echo(req, res) {
        const got = await body(req);
        const { method, url, headers, trailers } = req;
        const text = JSON.stringify({ method, url, headers, trailers, conn: req.socket.number,
            bytes: got.length, sha256: sha256(got) });
        res.setHeader('Content-Length', Buffer.byteLength(text));
        res.end(text);
    },

    trailers(req, res) {
        res.writeHead(200, { Trailer: 'X-Sum' });
        res.write('a body');
        res.addTrailers({ 'X-Sum': sha256('a body') });
        res.end();
    },

    hints(req, res) {
        res.writeEarlyHints({ link: ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script'] }, () => {
            res.writeProcessing();
            res.end('hinted');
        });
    },

    // Piece by piece, 4 MB in all, no faster than it is taken.
    chunked(req, res) {
        let n = 0;
        const next = () => {
            while (n < 64) {
                if (!res.write(Buffer.alloc(65536, 97 + n++ % 26))) {
                    res.once('drain', next);
                    return;
                }
            }
            res.end();
        };
        next();
    },

    empty(req, res) {
        res.writeHead(204);
        res.end();
    },

    cached(req, res) {
        res.setHeader('ETag', '"tag"');
        res.writeHead(req.headers['if-none-match'] === '"tag"' ? 304 : 200);
        res.end('cached');
    },

    cookies(req, res) {
        res.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2; HttpOnly']);
        res.end('cookies');
    },

    // Breaks off inside the body.
    cut(req, res) {
        res.write('half of it', () => req.socket.destroy());
    },

    // A little more now and then, until the client has gone.
    beats(req, res) {
        res.write('the beginning');
        const beat = setInterval(() => res.write('.'), 20);
        res.on('close', () => {
            clearInterval(beat);
            tell('left', { whole: res.writableFinished });
        });
    },
};

const [port, cert, key] = process.argv.slice(2);
const serve = (req, res) => (answers[req.url.split('/')[1]] || answers.echo)(req, res);
const server = cert ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, serve)
    : http.createServer(serve);

// Expect: 100-continue: go on, but not to what is refused by its head.
server.on('checkContinue', (req, res) => {
    tell('expected', { url: req.url });
    if (req.url === '/refused') {
        res.writeHead(403, { Connection: 'close' });
        res.end('refused');
        return;
    }
    res.writeContinue();
    server.emit('request', req, res);
});

// A WebSocket by hand: the first frame comes with the 101, each that is received is sent back.
server.on('upgrade', (req, socket, head) => {
    if (req.url !== '/socket') {
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnone');
        return;
    }
    const accept = crypto.createHash('sha1').update(req.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
    const hello = Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('hello')]);
    socket.write(Buffer.concat([Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
        + `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`), hello]));
    let input = head;
    const take = () => {
        while (input.length >= 6 && input.length >= 6 + (input[1] & 127)) { // short frames, as the client sends them
            const n = input[1] & 127;
            const text = input.subarray(6, 6 + n).map((b, i) => b ^ input[2 + i % 4]);
            socket.write(Buffer.concat([Buffer.from([input[0], n]), text]));
            if ((input[0] & 15) === 8) {
                socket.end();
            }
            input = input.subarray(6 + n);
        }
    };
    take();
    socket.on('data', (data) => {
        input = Buffer.concat([input, data]);
        take();
    });
    socket.on('end', () => tell('socket ended'));
});

server.keepAliveTimeout = 5000; // as node has it, whatever later versions think
let connections = 0;
server.on(cert ? 'secureConnection' : 'connection', (socket) => {
    socket.number = ++connections;
    socket.on('end', () => { socket.byPeer = true; });
    socket.on('error', () => {});
    socket.on('close', () => tell('closed', { conn: socket.number, by: socket.byPeer ? 'peer' : 'node' }));
});
server.listen(Number(port), '127.0.0.1', () => tell('listens'));
