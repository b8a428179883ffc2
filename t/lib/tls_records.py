#!/usr/bin/env python3
"""Records of TLS 1.2 as no library makes them: tls_records.py PORT STEPS.

Shakes hands by python's ssl with ChaCha20-Poly1305, then takes the keys and goes
on by itself.  STEPS is JSON, [[TYPE, HEX], ...]: each is sent as a record of that
type, with the tag made wrong for a negative one; ["raw", HEX] is sent as it is.
After each, but for those without bytes, the answers are read for as long as some
come; all are printed at the end as JSON, [TYPE, HEX] each, and the way in which it ended as the last: "open",
"fin" or "reset".
"""
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import sys
import tempfile

MASK = 0xFFFFFFFF


def prf(secret, label, seed, n):
    out, a = b"", label + seed
    while len(out) < n:
        a = hmac.new(secret, a, hashlib.sha256).digest()
        out += hmac.new(secret, a + label + seed, hashlib.sha256).digest()
    return out[:n]


def quarter(x, a, b, c, d):
    for into, by, mixed, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[into] = (x[into] + x[by]) & MASK
        v = x[mixed] ^ x[into]
        x[mixed] = (v << turn | v >> (32 - turn)) & MASK


def chacha_block(key, counter, nonce):
    s = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    x = s[:]
    for _ in range(10):
        for i in range(4):
            quarter(x, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & MASK for a, b in zip(x, s)))


def chacha(key, nonce, data):
    stream = b"".join(chacha_block(key, 1 + i, nonce) for i in range((len(data) + 63) // 64))
    return bytes(a ^ b for a, b in zip(data, stream))


def tag(key, nonce, aad, data):
    one = chacha_block(key, 0, nonce)
    r, s = int.from_bytes(one[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, int.from_bytes(one[16:32], "little")
    pad = lambda b: b + bytes(-len(b) % 16)
    text, acc = pad(aad) + pad(data) + struct.pack("<QQ", len(aad), len(data)), 0
    for i in range(0, len(text), 16):
        acc = (acc + int.from_bytes(text[i : i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((acc + s) & ((1 << 128) - 1)).to_bytes(16, "little")


class Direction:
    def __init__(self, key, iv):
        self.key, self.iv, self.seq = key, iv, 1  # Finished was the first

    def start(self, kind, n):
        number = struct.pack(">Q", self.seq)
        self.seq += 1
        nonce = bytes(a ^ b for a, b in zip(self.iv, bytes(4) + number))
        return nonce, number + struct.pack(">BHH", kind, 0x0303, n)

    def seal(self, kind, data, wrong):
        nonce, aad = self.start(kind, len(data))
        body = chacha(self.key, nonce, data)
        mac = tag(self.key, nonce, aad, body)
        body += bytes([mac[0] ^ wrong]) + mac[1:]
        return struct.pack(">BHH", kind, 0x0303, len(body)) + body

    def open(self, kind, body):
        nonce, aad = self.start(kind, len(body) - 16)
        assert tag(self.key, nonce, aad, body[:-16]) == body[-16:]
        return chacha(self.key, nonce, body[:-16])


def shake(raw, log):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    c.set_ciphers("CHACHA20")
    c.options |= ssl.OP_NO_TICKET
    c.keylog_filename = log
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = c.wrap_bio(incoming, outgoing, server_hostname="localhost")
    heard = b""
    while True:
        try:
            tls.do_handshake()
            return heard
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            heard += (data := raw.recv(65536))
            incoming.write(data)


raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
with tempfile.TemporaryDirectory() as d:
    hello = shake(raw, os.path.join(d, "keys"))
    with open(os.path.join(d, "keys")) as f:
        client, master = (bytes.fromhex(w) for w in [l for l in f if l.startswith("CLIENT_RANDOM")][0].split()[1:])
server = hello[11:43]  # of the ServerHello, the first record
block = prf(master, b"key expansion", server + client, 88)
tx, rx = Direction(block[:32], block[64:76]), Direction(block[32:64], block[76:])
came, pending, how = [], b"", "open"


def listen(seconds):
    global pending, how
    raw.settimeout(seconds)
    try:
        while how == "open":
            data = raw.recv(65536)
            how = how if data else "fin"
            pending += data
            while len(pending) >= 5 and len(pending) >= 5 + (n := int.from_bytes(pending[3:5], "big")):
                came.append([pending[0], rx.open(pending[0], pending[5 : 5 + n]).hex()])
                pending = pending[5 + n :]
                raw.settimeout(0.05)
    except TimeoutError:
        pass
    except ConnectionError:
        how = "reset"


for kind, data in json.loads(sys.argv[2]):
    data = bytes.fromhex(data)
    try:
        raw.sendall(data if kind == "raw" else tx.seal(abs(kind), data, kind < 0))
    except ConnectionError:
        how = "reset"
    if data:
        listen(0.3)
listen(0.3)
print(json.dumps(came + [[how, ""]]))
