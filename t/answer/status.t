# status: a fixed answer; without a text an error has weir's own page.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:http@
/ok = status:200 fine, 100% so
/gone = status:410
/down = status:503 back at noon
/none = status:204
/nothing = status:200
INI

my $c = $w->conn;
my $m = $w->get('/ok', on => $c);
is($m->status, 200, 'an answer');
is($m->body, 'fine, 100% so', 'with its text');
like($m->field('Content-Type'), qr{^text/plain; charset=utf-8$}, 'as plain text');
$m = $w->get('/ok', on => $c, method => 'HEAD');
is($m->field('Content-Length'), 13, 'HEAD tells the length');
is($m->body, '', 'and no more');
is($w->get('/ok', on => $c, method => 'POST', body => 'x' x 5000)->body, 'fine, 100% so', 'a body does not disturb it');
$m = $w->get('/down', on => $c);
is($m->status . $m->body, '503back at noon', 'a code and a text');
$m = $w->get('/gone', on => $c);
is($m->status, 410, 'a code alone');
like($m->body, qr{<title>410 Gone</title>}, 'has a page');
unlike($m->body . join('', map { "@$_" } @{ $m->{fields} }), qr/weir|0\.\d+\.\d+/i, 'that names no program and no version');
like($w->get('/gone', on => $c, fields => [ Accept => 'application/json' ])->body, qr/^\{"status":410,"title":"Gone","request_id":"[0-9a-f]{32}"\}$/,
    'or JSON');
$m = $w->get('/none', on => $c);
is($m->status . ($m->field('Content-Length') // '-'), '204-', '204 has no length');
$m = $w->get('/nothing', on => $c);
is($m->status . $m->body . $m->field('Content-Length'), '2000', '200 may have nothing to say');
is($w->get('/other', on => $c)->status, 404, 'and the connection is as it was');

done_testing;
