# -T: what is in effect, where each value came from; it reads back to the same.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

sub bare { return join '', grep { !/^;/ } split /^/, $_[0] }

for my $file ('etc/examples/production.ini', 'etc/examples/two-sites.ini', 't/conf/second.ini') {
    my ($code, $first, $err) = weir('-T', '-q', '-c', $file);
    is($code, 0, "$file: exit 0") or diag($err);
    put('again.ini', $first);
    my (undef, $second) = weir('-T', '-q', '-c', dir() . '/again.ini');
    is(bare($second), bare($first), 'what it prints reads back to the same');
    my $values = () = $first =~ /^[^;\[\n][^\n]* =/mg;
    my $placed = () = $first =~ /^; (?:\S+:\d+|the preset)\n[^;\[\n][^\n]* =/mg;
    cmp_ok($values, '>', 50, "$values values");
    is($placed, $values, 'each with its place above it');
}

put('weir.ini', "[defaults]\ndeadline = 9s\n[server a]\nupstream = x:1\ntimeout.idle = 8s\n[route a/x]\nhost = h\n");
my (undef, $out) = weir('-T', '-q', '-c', dir() . '/weir.ini');
my ($route) = $out =~ /^(\[route a\/x\]\n.*?)(?:\n\n|\z)/ms;
s/\Q@{[dir()]}\E\///g for $route;
like($route, qr/^; weir.ini:4\nto = x:1$/m, 'the target of the route that would take it otherwise');
like($route, qr/^; weir.ini:2\ndeadline = 9s$/m, 'from [defaults]');
like($route, qr/^; weir.ini:5\ntimeout.idle = 8s$/m, 'from the server');
like($route, qr/^; weir.ini:7\nhost = h$/m, 'its own');
like($route, qr/^; the preset\ntimeout.connect = 5s$/m, 'a preset');
(my $code, $out) = weir('-T', '-c', put('bad.ini', "[server a]\n"  . "x = y\n"));
is("$code $out", '1 ', 'nothing is printed of a bad one');

done_testing();
