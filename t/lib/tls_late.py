# An origin over TLS 1.3 that says things when nobody asks: tls_late.py PORT CERT KEY.
# By libssl itself, as Python's ssl module offers none of it.  The last part of a
# path says what comes behind the answer, which holds the number of the connection:
#   ticket   a session ticket           update   a change of keys, and the wish for one
#   tickets  twenty of them             updates  ten of them
#   data     a byte that is no answer   notify   close_notify and FIN
#   fin      FIN alone                  mixed    the answer itself, with all that inside
# A line "NUMBER WHAT" on stdout when that is done.
import ctypes
import ctypes.util
import os
import re
import socket
import sys
import threading

lib = ctypes.CDLL(ctypes.util.find_library("ssl"))
P, I = ctypes.c_void_p, ctypes.c_int
for name, result, args in [
    ("TLS_server_method", P, []),
    ("SSL_CTX_new", P, [P]),
    ("SSL_CTX_use_certificate_chain_file", I, [P, ctypes.c_char_p]),
    ("SSL_CTX_use_PrivateKey_file", I, [P, ctypes.c_char_p, I]),
    ("SSL_CTX_set_num_tickets", I, [P, ctypes.c_size_t]),
    ("SSL_new", P, [P]),
    ("SSL_free", None, [P]),
    ("SSL_set_fd", I, [P, I]),
    ("SSL_accept", I, [P]),
    ("SSL_do_handshake", I, [P]),
    ("SSL_read", I, [P, ctypes.c_char_p, I]),
    ("SSL_write", I, [P, ctypes.c_char_p, I]),
    ("SSL_new_session_ticket", I, [P]),
    ("SSL_key_update", I, [P, I]),
    ("SSL_shutdown", I, [P]),
]:
    f = getattr(lib, name)
    f.restype, f.argtypes = result, args

ctx = lib.SSL_CTX_new(lib.TLS_server_method())
assert lib.SSL_CTX_use_certificate_chain_file(ctx, sys.argv[2].encode()) == 1
assert lib.SSL_CTX_use_PrivateKey_file(ctx, sys.argv[3].encode(), 1) == 1
lib.SSL_CTX_set_num_tickets(ctx, 0)


def ticket(s):
    assert lib.SSL_new_session_ticket(s) == 1 and lib.SSL_do_handshake(s) == 1


def update(s):
    assert lib.SSL_key_update(s, 1) == 1 and lib.SSL_do_handshake(s) == 1


def write(s, data):
    assert lib.SSL_write(s, data, len(data)) == len(data)


def mixed(s, number):
    body = b"%d " % number + b"x" * 100000
    write(s, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for at in range(0, len(body), 20000):
        ticket(s)
        write(s, body[at : at + 20000])
        update(s)


def behind(s, what):
    """False when the connection is at its end."""
    for _ in range({"tickets": 20, "ticket": 1}.get(what, 0)):
        ticket(s)
    for _ in range({"updates": 10, "update": 1}.get(what, 0)):
        update(s)
    if what == "data":
        write(s, b"x")
    if what == "notify":
        lib.SSL_shutdown(s)
    return what not in ("notify", "fin")


def serve(sock, number):
    s = lib.SSL_new(ctx)
    lib.SSL_set_fd(s, sock.fileno())
    got, room = b"", ctypes.create_string_buffer(65536)
    while lib.SSL_accept(s) == 1:
        n = lib.SSL_read(s, room, len(room))
        if n <= 0:
            break
        got += room.raw[:n]
        head, end, body = got.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
        length = int(length[1]) if length else 0
        if not end or len(body) < length:
            continue
        got = body[length:]
        what = head.split()[1].decode().rsplit("/", 1)[-1]
        if what == "mixed":
            mixed(s, number)
        else:
            text = b"%d" % number
            write(s, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
        more = behind(s, what)
        os.write(1, b"%d %s\n" % (number, what.encode()))
        if not more:
            sock.shutdown(socket.SHUT_WR)
            sock.recv(65536)
            break
    lib.SSL_free(s)
    sock.close()


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    count = 0
    while True:
        conn, _ = listener.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count += 1
        threading.Thread(target=serve, args=(conn, count), daemon=True).start()
