# OPTIONS * asks weir itself.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

my $c = $w->conn;
my $m = $w->get('*', on => $c, method => 'OPTIONS');
is($m->status, 204, 'OPTIONS *');
is($w->upstream_conns('app'), 0, 'is answered here');
is($w->get('*', on => $c, method => 'OPTIONS', fields => [ 'Max-Forwards' => 0 ])->status, 204, 'with Max-Forwards too');
is($w->get_json('/x', on => $c, method => 'OPTIONS')->{target}, '/x', 'OPTIONS of a path goes on');
is($w->get('*', method => 'GET')->status, 400, 'another method has no such target');

done_testing;
