#!/usr/bin/env python3
"""A TLS client that carries another program's bytes: what comes at descriptor 0
goes out encrypted, what comes in goes there decrypted.  One argument, JSON:

    port, host        whom to connect to (127.0.0.1)
    name              SNI (null: none); verify: a file of authorities, and the name is checked
    cert, key         to show when asked
    min, max          "1.2", "1.3"; ciphers: of TLS 1.2; alpn: a list
    preface           bytes (hex) that go before TLS
    rcvbuf            of the socket
    rude              the end at descriptor 0 becomes a FIN without close_notify
    drip              everything is sent byte by byte
    together          the end of the handshake goes with the first data

Facts are lines of JSON at descriptor 3: {"open": ..} after the handshake, and
{"end": ..} at the end, with the way in which it came: close_notify, eof (a FIN
without it), reset, or an error's text; and the records that were received, as
[type, bytes] (the first thousand).
"""
import json
import os
import select
import socket
import ssl
import sys

o = json.loads(sys.argv[1])
facts = os.fdopen(3, "w", buffering=1)
local = socket.socket(fileno=0)
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
LIMIT = 1 << 16


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # python takes a FIN for close_notify by itself
    if o.get("verify"):
        c.load_verify_locations(o["verify"])
        c.verify_mode = ssl.CERT_REQUIRED
        c.check_hostname = True
    if o.get("cert"):
        c.load_cert_chain(o["cert"], o["key"])
    if o.get("min"):
        c.minimum_version = VERSIONS[o["min"]]
    if o.get("max"):
        c.maximum_version = VERSIONS[o["max"]]
    if o.get("ciphers"):
        c.set_ciphers(o["ciphers"])
    if o.get("alpn"):
        c.set_alpn_protocols(o["alpn"])
    return c


class Records:
    """Headers of the records in a stream of bytes."""

    def __init__(self):
        self.seen, self.head, self.left = [], b"", 0

    def take(self, data):
        while data:
            if self.left:
                n = min(self.left, len(data))
                self.left -= n
                data = data[n:]
                continue
            need = 5 - len(self.head)
            self.head += data[:need]
            data = data[need:]
            if len(self.head) == 5:
                self.left = int.from_bytes(self.head[3:], "big")
                if len(self.seen) < 1000:
                    self.seen.append([self.head[0], self.left])
                self.head = b""


raw = socket.socket(socket.AF_INET)
if o.get("rcvbuf"):
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, o["rcvbuf"])
raw.settimeout(20)
raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
records = Records()
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()


def end(how):
    facts.write(json.dumps({"end": how, "records": records.seen}) + "\n")
    facts.flush()
    os._exit(0)


def why(e):
    if isinstance(e, ConnectionError):
        return "reset"
    return getattr(e, "reason", None) or str(e)


def receive():
    data = raw.recv(LIMIT)
    records.take(data)
    if data:
        incoming.write(data)
    else:
        incoming.write_eof()


def send(data):
    for piece in (data[i : i + 1] for i in range(len(data))) if o.get("drip") else [data]:
        raw.sendall(piece)


def shake(tls):
    while True:
        try:
            tls.do_handshake()
            if not o.get("together"):
                send(outgoing.read())
            return
        except ssl.SSLWantReadError:
            send(outgoing.read())
            receive()
        except ssl.SSLError:
            send(outgoing.read())
            raise


def decrypt(tls, into):
    """What can be had at once; how it ended, or None."""
    try:
        while len(into) < LIMIT:
            piece = tls.read(LIMIT)
            if not piece:
                return "close_notify"
            into += piece
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLZeroReturnError:
        return "close_notify"
    except ssl.SSLEOFError:
        return "eof"
    return None


def say_goodbye(tls):
    if not o.get("rude"):
        try:
            tls.unwrap()
        except ssl.SSLError:
            pass


def relay(tls):
    """Until the server has ended its direction."""
    inward, outward = bytearray(), bytearray(outgoing.read())
    speaking, how, fin = True, None, False
    while True:
        if how is None:
            how = decrypt(tls, inward)
        if how and not inward:
            return how
        outward += outgoing.read()
        if not speaking and not outward and not fin:
            fin = True
            try:
                raw.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it is over already: what came of it is still to be read
        reads = ([local] if speaking and len(outward) < LIMIT else []) + ([raw] if how is None and len(inward) < LIMIT else [])
        writes = ([local] if inward else []) + ([raw] if outward else [])
        r, w, _ = select.select(reads, writes, [])
        if raw in r:
            try:
                receive()
            except ssl.SSLError:
                how = how or "eof"
        if local in r:
            data = local.recv(LIMIT)
            if data:
                tls.write(data)
            else:
                speaking = False
                say_goodbye(tls)
        if raw in w:
            del outward[: raw.send(outward[:1] if o.get("drip") else outward)]
        if local in w:
            try:
                del inward[: local.send(inward)]
            except OSError:
                inward.clear()


try:
    raw.connect((o.get("host", "127.0.0.1"), o["port"]))
    if o.get("preface"):
        raw.sendall(bytes.fromhex(o["preface"]))
    tls = context().wrap_bio(incoming, outgoing, server_hostname=o.get("name"))
    shake(tls)
    facts.write(json.dumps({"open": {
        "version": tls.version(), "cipher": tls.cipher()[0], "alpn": tls.selected_alpn_protocol(),
        "der": (tls.getpeercert(True) or b"").hex(), "compression": tls.compression(),
    }}) + "\n")
    facts.flush()
    raw.settimeout(None)
    raw.setblocking(False)
    end(relay(tls))
except (OSError, ValueError) as e:
    end(why(e))
