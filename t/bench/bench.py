"""What compare and reload_p99 share: proxies to start, what they cost, and the load."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
PATH = os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin'


def program(name):
    return shutil.which(name, path=PATH)


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Bench:
    """A directory, the tools compiled into it, an origin, and processes that end with it."""

    def __init__(self, weir):
        self.dir = tempfile.mkdtemp(prefix='weir-bench.')
        os.chmod(self.dir, 0o755)
        self.weir = os.path.abspath(weir)
        self.running = []
        self.origin_port = free_port()
        self.spawn([self.tool('t/lib/origin.c'), '-p', str(self.origin_port)], self.origin_port)

    def tool(self, source, *libraries):
        out = os.path.join(self.dir, os.path.basename(source)[:-2])
        if not os.path.exists(out):
            subprocess.run([os.environ.get('CC', 'cc'), '-O2', '-o', out, os.path.join(TREE, source), *libraries], check=True)
        return out

    def pair(self, kind):
        """(certificate, key, both in one file) for localhost, signed by itself; kind is ec or rsa."""
        cert, key, both = (os.path.join(self.dir, f'{kind}.{end}') for end in ('crt', 'key', 'pem'))
        if not os.path.exists(both):
            how = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] if kind == 'ec' else ['rsa:2048']
            subprocess.run(['openssl', 'req', '-x509', '-newkey', *how, '-nodes', '-keyout', key, '-out', cert, '-days', '30',
                            '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], check=True, capture_output=True)
            self.write(both, open(cert).read() + open(key).read())
        return cert, key, both

    def spawn(self, command, port, cwd=None):
        """Starts a server and waits until it accepts; None when it does not."""
        log = open(os.path.join(cwd or self.dir, 'log'), 'ab')
        p = subprocess.Popen(command, cwd=cwd or self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True)
        end = time.monotonic() + 10
        while time.monotonic() < end and p.poll() is None:
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                self.running.append(p)
                return p
            except OSError:
                time.sleep(0.02)
        self.stop(p)
        return None

    def proxy(self, peer, port, routes=0, extra='', tls=None):
        """Starts a proxy on port before the origin; its process, or None with the reason printed.

        tls: {'kind': 'ec' or 'rsa', 'tickets': bool}; None is plain HTTP.
        """
        d = os.path.join(self.dir, f'{peer}-{port}')
        os.makedirs(d)
        command = getattr(self, '_' + peer.replace('-', '_'))(d, port, routes, extra, tls)
        p = self.spawn(command, port, d) if command else None
        if not p:
            log = os.path.join(d, 'log')
            print(f'# {peer} does not start:', open(log).read()[-400:] if os.path.exists(log) else 'not installed')
        return p

    @staticmethod
    def write(path, text):
        with open(path, 'w') as f:
            f.write(text)
        return path

    def _floor(self, d, port, routes, extra, tls):
        return [self.tool('t/bench/floor.c'), str(port), str(self.origin_port)]

    def _nginx(self, d, port, routes, extra, tls):
        if not program('nginx'):
            return None
        places = ''.join(f'location /r{i}/ {{ proxy_pass http://origin/; }}\n' for i in range(routes))
        user = 'user root;' if os.getuid() == 0 else ''
        ssl, pair = '', ''
        if tls:
            cert, key, _ = self.pair(tls['kind'])
            ssl = 'ssl'
            pair = (f'ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; '
                    f'ssl_session_tickets {"on" if tls["tickets"] else "off"};')
        temp = ' '.join(f'{k}_temp_path {d}/{k};' for k in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        conf = self.write(f'{d}/nginx.conf', f'''
daemon off; worker_processes 1; {user} pid {d}/pid; error_log {d}/error.log error; worker_rlimit_nofile 20000;
events {{ worker_connections 9000; }}
http {{ access_log off; {temp} tcp_nodelay on; keepalive_timeout 300s; keepalive_requests 1000000000;
client_body_buffer_size 64k;
map $http_upgrade $upgrade {{ default upgrade; '' ''; }}
upstream origin {{ server 127.0.0.1:{self.origin_port}; keepalive 128; keepalive_requests 1000000000; }}
server {{ listen 127.0.0.1:{port} {ssl} backlog=4096; {pair}
proxy_http_version 1.1; proxy_set_header Connection $upgrade;
proxy_set_header Upgrade $http_upgrade; {extra}
{places}
location / {{ proxy_pass http://origin; }} }} }}
''')
        return [program('nginx'), '-p', d, '-c', conf, '-e', f'{d}/error.log']

    def _haproxy(self, d, port, routes, extra, tls):
        if not program('haproxy'):
            return None
        rules = ''.join(f'  use_backend r{i} if {{ path_beg /r{i}/ }}\n' for i in range(routes))
        backends = ''.join(f'backend r{i}\n  http-request replace-path /r{i}(/.*) \\1\n  server o 127.0.0.1:{self.origin_port}\n'
                           for i in range(routes))
        cache, bind = '', ''
        if tls:
            cache = 'tune.ssl.cachesize 0'
            bind = f'ssl crt {self.pair(tls["kind"])[2]} alpn http/1.1' + ('' if tls['tickets'] else ' no-tls-tickets')
        conf = self.write(f'{d}/haproxy.cfg', f'''
global
  nbthread 1
  maxconn 9000
  {cache}
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  http-reuse always
frontend f
  bind 127.0.0.1:{port} backlog 4096 {bind}
{rules}  default_backend origin
{backends}backend origin
  server o 127.0.0.1:{self.origin_port}
''')
        return [program('haproxy'), '-db', '-f', conf]

    def _weir(self, d, port, routes, extra, tls):
        if not os.path.exists(self.weir):
            return None
        keys = ''.join(f'/r{i}/* = origin\n' for i in range(routes))
        sections = ''.join(f'[route /r{i}/*]\nstrip = /r{i}\n' for i in range(routes))
        listen = f'listen = 127.0.0.1:{port}\n'
        if tls:
            cert, key, _ = self.pair(tls['kind'])
            listen = f'listen = 127.0.0.1:{port} tls\ntls = {cert} {key}\n'
            listen += '' if tls['tickets'] else 'tls.tickets = off\n'
        conf = self.write(f'{d}/weir.ini', f'''
[weir]
workers = 1
pid = {d}/weir.pid
error_log = {d}/error.log error
keepalive_timeout = 300s
{extra}
[upstream origin]
server = 127.0.0.1:{self.origin_port}
keepalive = 128
[server *]
{listen}/* = origin
{keys}{sections}''')
        return [self.weir, '-c', conf]

    def stop(self, p):
        if p in self.running:
            self.running.remove(p)
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                for pid in tree(p.pid):
                    os.kill(pid, signal.SIGKILL)
                p.wait()

    def close(self):
        for p in list(self.running):
            self.stop(p)
        shutil.rmtree(self.dir, ignore_errors=True)


def tree(root):
    """A process and all that descend from it."""
    children = {}
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat') as f:
                children.setdefault(int(f.read().rpartition(')')[2].split()[1]), []).append(int(name))
        except (OSError, IndexError):
            continue
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_us(root):
    """Time on a CPU of the whole tree, from the scheduler's own account."""
    total = 0
    for pid in tree(root):
        try:
            for task in os.listdir(f'/proc/{pid}/task'):
                with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                    total += int(f.read().split()[0])
        except OSError:
            continue
    return total / 1000


def pss_kib(root):
    total = 0
    for pid in tree(root):
        try:
            with open(f'/proc/{pid}/smaps_rollup') as f:
                total += int(re.search(r'^Pss:\s+(\d+)', f.read(), re.M)[1])
        except (OSError, TypeError):
            continue
    return total


def need(*names):
    missing = [n for n in names if not program(n)]
    if missing:
        sys.exit('needs ' + ', '.join(missing))
