# Informational responses: 103 reaches the client, any number of 100 and 102
# before the answer never hangs it, HTTP/1.0 clients see none, a flood ends.
use v5.36;
use Test::More;
use Time::HiRes 'sleep';
use Weir;

my $answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
my %script = (
    '/103'  => [ "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Gone\r\nX-Gone: 1\r\n\r\n", $answer ],
    '/100'  => [ "HTTP/1.1 100 Continue\r\n\r\n", $answer ],
    '/102'  => [ ("HTTP/1.1 102 Processing\r\n\r\n") x 3, $answer ],
    '/once' => [ join '', ("HTTP/1.1 100 Continue\r\n\r\n") x 2, "HTTP/1.1 102 Processing\r\n\r\n", $answer ],
    '/many' => [ ("HTTP/1.1 102 Processing\r\n\r\n") x 120, $answer ],
    '/then' => ["HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n"],
);
my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        for my $piece (@{ $script{ $m->target } }) { $c->send($piece); sleep 0.002 }
        return $m->target eq '/then' ? 'stop' : '';
    });
} });

my $m = $w->get('/103');
is($m->status, 200, '103: the final answer');
my ($hint) = $m->informs;
is($hint && $hint->status, 103, 'the hint before it');
is($hint && $hint->field('Link'), '</a.css>; rel=preload', 'with its field');
ok($hint && !$hint->has('X-Gone') && !$hint->has('Connection'), 'without hop-by-hop fields');

for my $path (qw(/100 /102 /once)) {
    my $c = $w->conn;
    $m = $w->get($path, on => $c);
    is($m && $m->status, 200, "$path does not hang");
    is(join(' ', map { $_->status } $m->informs), { '/100' => '100', '/102' => '102 102 102', '/once' => '100 100 102' }->{$path},
        'each of them reaches the client');
    is($w->get('/100', on => $c)->status, 200, 'nor what comes next');
    $m = $w->get($path, version => '1.0');
    is($m->body, 'ok', "$path towards HTTP/1.0");
    is(scalar $m->informs, 0, 'is without informs');
}
is(scalar $w->get('/103', version => '1.0')->informs, 0, 'nor is there a 103 in HTTP/1.0');
is($w->get('/many')->status, 502, 'more than a hundred are too many');
is($w->get('/then')->status, 502, '103 and then nothing is an error');

my $end = $w->ended_requests;
is($end->{'/many'}{reason}, 'upstream_too_many_informs');
is($end->{'/then'}{reason}, 'upstream_closed');
done_testing;
