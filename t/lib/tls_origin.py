# Origins that speak HTTP/1.1 over TLS by Python's ssl module, several in one
# process: tls_origin.py FILE, a JSON list of
#   { "name": .., "port": N, "cert": PATH, "key": PATH,
#     "client_ca": PATH (a client certificate is required), "max": "TLSv1_2", "ciphers": ..,
#     "address": .. (127.0.0.1), "unix": PATH (instead of address and port) }
# It prints "NAME listens" for each that is there.
#
# What a request asks of them stands in its path:
#   /bytes?n=N               so many bytes of a pattern (Weir::pattern)
#   /close?n=N&end=E         the same, ended by the connection's end
#   /length?n=N&end=E        the same with a length, and then that end
#   /chunked?n=N&end=E       in chunks, and then that end
#   /short?n=N&end=E         a length of N + 1, and then that end
#   /slow?n=N&ms=T           as /bytes, in pieces of 16 KiB, T ms apart
#   /stall                   reads nothing of the body until the file FILE.go is there
#   Upgrade: echo            101, and every byte back until the end, which is answered
# E: notify (close_notify and FIN), fin (FIN alone), rst.
# All else is answered with what is known of the request and its connection, as JSON.
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

BLOCK = b"".join(b"%015d\n" % i for i in range(4096))


def say(text):
    os.write(1, text.encode() + b"\n")  # a line at once: threads share it


def pattern(n):
    return (BLOCK * (1 + n // len(BLOCK)))[:n]


def end_of(sock, how):
    """Ends the connection and lets the socket go."""
    if how == "notify":
        sock.settimeout(5)
        try:
            sock.unwrap().close()
        except (OSError, ValueError):
            sock.close()
    elif how == "rst":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    else:
        raw = socket.socket(fileno=sock.detach())
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(5)
        try:
            while raw.recv(65536):
                pass
        except OSError:
            pass
        raw.close()


class Origin:
    def __init__(self, conf):
        self.conf = conf
        self.conns = 0
        self.asked = threading.local()
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ctx.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        if "max" in conf:
            self.ctx.maximum_version = ssl.TLSVersion[conf["max"]]
        if "ciphers" in conf:
            self.ctx.set_ciphers(conf["ciphers"])
        self.ctx.load_cert_chain(conf["cert"], conf["key"])
        if "client_ca" in conf:
            self.ctx.verify_mode = ssl.CERT_REQUIRED
            self.ctx.load_verify_locations(conf["client_ca"])
        self.ctx.sni_callback = self.on_name

    def on_name(self, sock, name, ctx):
        self.asked.name = name

    def listen(self):
        if "unix" in self.conf:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.conf["unix"])
            os.chmod(self.conf["unix"], 0o777)
            listener.listen(128)
            return listener
        address = self.conf.get("address", "127.0.0.1")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, self.conf["port"]), family=family, backlog=128)

    def serve(self):
        with self.listen() as listener:
            say("%s listens" % self.conf["name"])
            while True:
                sock, _ = listener.accept()
                self.conns += 1
                threading.Thread(target=self.one, args=(sock, self.conns), daemon=True).start()

    def one(self, raw, number):
        self.asked.name = None
        if raw.family != socket.AF_UNIX:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(60)
        sock = self.ctx.wrap_socket(
            raw, server_side=True, suppress_ragged_eofs=False, do_handshake_on_connect=False
        )
        try:
            sock.do_handshake()
        except (OSError, ValueError) as e:
            say("%s %d refused %s" % (self.conf["name"], number, e))
            end_of(sock, "fin")  # no RST: the alert is to be read
            return
        facts = {
            "origin": self.conf["name"],
            "conn": number,
            "sni": self.asked.name,
            "version": sock.version(),
            "resumed": sock.session_reused,
            "client": dict(x[0] for x in sock.getpeercert()["subject"]).get("commonName")
            if "client_ca" in self.conf
            else None,
        }
        try:
            self.talk(sock, facts)
        except (OSError, ValueError, IndexError) as e:
            say("%s %d ended %s" % (self.conf["name"], number, e))

    def talk(self, sock, facts):
        reader = sock.makefile("rb")
        n = 0
        while True:
            line = reader.readline()
            if not line:
                end_of(sock, "notify")
                return
            method, target, _ = line.decode("latin1").split()
            fields = []
            while (line := reader.readline()) not in (b"\r\n", b""):
                name, value = line.decode("latin1").split(":", 1)
                fields.append([name, value.strip()])
            have = {name.lower(): value for name, value in fields}
            n += 1
            while target.endswith("/stall") and not os.path.exists(sys.argv[1] + ".go"):
                time.sleep(0.01)
            got = self.body(reader, have)
            if have.get("upgrade") == "echo":
                self.echo(sock, reader)
                return
            what = dict(facts, number=n, method=method, target=target, fields=fields, **got)
            if not self.answer(sock, target, what):
                return

    def body(self, reader, have):
        digest, n = hashlib.sha256(), 0
        if "chunked" in have.get("transfer-encoding", ""):
            while True:
                size = int(reader.readline().split(b";")[0], 16)
                if size == 0:
                    while reader.readline() not in (b"\r\n", b""):
                        pass
                    break
                digest.update(reader.read(size))
                reader.readline()
                n += size
        else:
            left = int(have.get("content-length", "0"))
            while left > 0:
                piece = reader.read(min(left, 65536))
                if not piece:
                    break
                digest.update(piece)
                n += len(piece)
                left -= len(piece)
        return {"bytes": n, "sha256": digest.hexdigest()}

    def answer(self, sock, target, what):
        """False when the connection is at its end."""
        url = urllib.parse.urlsplit(target)
        q = dict(urllib.parse.parse_qsl(url.query))
        kind = url.path.rsplit("/", 1)[-1]
        end = q.get("end", "")
        data = pattern(int(q.get("n", "10")))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        length = b"Content-Length: %d\r\n\r\n"
        if kind in ("bytes", "length"):
            sock.sendall(head + length % len(data) + data)
        elif kind == "short":
            sock.sendall(head + length % (len(data) + 1) + data)
        elif kind == "close":
            sock.sendall(head + b"\r\n" + data)
        elif kind == "chunked":
            sock.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n")
        elif kind == "slow":
            sock.sendall(head + length % len(data))
            for at in range(0, len(data), 16384):
                time.sleep(int(q["ms"]) / 1000)
                sock.sendall(data[at : at + 16384])
        else:
            text = json.dumps(what).encode()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + length % len(text))
            if what["method"] != "HEAD":
                sock.sendall(text)
        if end or kind in ("close", "short"):
            end_of(sock, end)
            return False
        return True

    def echo(self, sock, reader):
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        while piece := reader.read1(65536):
            sock.sendall(piece)
        sock.sendall(b"bye")
        end_of(sock, "notify")


with open(sys.argv[1]) as f:
    confs = json.load(f)
threads = [threading.Thread(target=Origin(c).serve) for c in confs]
for t in threads:
    t.start()
for t in threads:
    t.join()
