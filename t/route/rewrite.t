# What an upstream sees of path and Host: strip, path, host; the query stays.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[upstream app]
server = 127.0.0.1:@UPSTREAM:app@
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
/strip/* = app
/fixed/* = app
/host/* = app
/raw/* = app
/rawstrip/* = app
[route /strip/*]
strip = /strip
[route /fixed/*]
path = /index.php
[route /host/*]
host = inner.example:8080
[route /raw/*]
paths = raw
[route /rawstrip/*]
paths = raw
strip = /rawstrip
INI

my $c = $w->conn;
sub sees ($target, $want, $host = 'front.example') {
    my $d = $w->get_json($target, on => $c, host => 'front.example');
    is($d->{target}, $want, "$target is seen as $want");
    is((Weir::echoed($d, 'Host'))[0], $host, "at $host") if $host ne 'front.example';
}

sees('/a/b?x=1&y', '/a/b?x=1&y');
sees('/a/./b/../c', '/a/c');
sees('//a///b', '/a/b');
sees('/%7Ea/%2d', '/~a/-');
sees('/a%c3%a9', '/a%C3%A9');
sees('/a?', '/a?');
sees('/?q=%2F..%2f', '/?q=%2F..%2f');
sees('/strip', '/');
sees('/strip/', '/');
sees('/strip?q', '/?q');
sees('/strip/a/b?q', '/a/b?q');
sees('/strip//a', '/a');
sees('/fixed/x/y?q=1', '/index.php?q=1');
sees('/host/x', '/host/x', 'inner.example:8080');
sees('/raw//a/../%2F/%61?q', '/raw//a/../%2F/%61?q');
sees('/rawstrip/%2F//x', '/%2F//x');
sees("http://front.example/abs?q", '/abs?q');
sees("http://front.example?q", '/?q');

for my $path ('/a%2Fb', '/a%5cb', '/a%00', '/a\\b', '/../x', '/%c0%af', '/strip/%2f') {
    is($w->get($path)->status, 400, "$path is refused by a strict route");
}
is($w->get('/raw/a%2Fb')->status, 200, 'and not by a raw one');

done_testing;
