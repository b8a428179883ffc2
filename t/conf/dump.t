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
put('rules.ini', <<'INI');
[defaults]
response_header.Strict-Transport-Security = max-age=31536000; includeSubDomains
response_header.X-Frame-Options = DENY
[server a]
upstream = x:1
request_header.X-Client = %{client_ip} 100%%
request_header.X-Client#2 = + "quoted"
response_header.Server =
[route a/x]
response_header.x-frame-options = "inherit"
response_header.Strict-Transport-Security = inherit
INI
(undef, $out) = weir('-T', '-q', '-c', dir() . '/rules.ini');
put('again.ini', $out);
(undef, my $again) = weir('-T', '-q', '-c', dir() . '/again.ini');
is(bare($again), bare($out), 'header rules read back to the same');
($route) = $out =~ /^(\[route a\/x\]\n.*?)(?:\n\n|\z)/ms;
s/\Q@{[dir()]}\E\///g for $route;
like($route, qr/^; rules.ini:6\nrequest_header.X-Client = %\{client_ip\} 100%%\n; rules.ini:7\nrequest_header.X-Client#2 = \+ "quoted"\n/m,
    'inherited ones with their places');
like($route, qr/^; rules.ini:8\nresponse_header.Server = \n; rules.ini:10\nresponse_header.x-frame-options = "inherit"\n/m, 'and its own');
like($route, qr/^response_header.Strict-Transport-Security = inherit$/m, 'what it drops');

(my $code, $out) = weir('-T', '-c', put('bad.ini', "[server a]\n"  . "x = y\n"));
is("$code $out", '1 ', 'nothing is printed of a bad one');

done_testing();
