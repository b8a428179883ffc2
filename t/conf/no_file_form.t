# Without any file: weir LISTEN=UPSTREAM proxies at once.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(bare => 1, args => [ '127.0.0.1:@PORT:a@=127.0.0.1:@UPSTREAM:app@', '127.0.0.1:@PORT:b@=localhost:@UPSTREAM:two@' ],
    upstream => { app => 'echo', two => [ fixed => body => 'two' ] });
is($w->get_json('/x?y', host => 'any.example', port => 'a')->{target}, '/x?y', 'one');
ok(until_true(sub { $w->get('/', port => 'b')->body eq 'two' }), 'and another, by name');
is($w->stop('QUIT'), 0, 'ends well');

my ($code, $out) = $w->run('127.0.0.1:1=');
ok($code == 1 || $code == 2, 'half of it is wrong') or diag($out);
like($out, qr/LISTEN=UPSTREAM/, 'and the form is named');
done_testing;
