# Rules are merged by name along [defaults], [server], [route]; -T prints them
# with their places, weir explain says what each comes to.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => [ fixed => fields => [ 'X-B' => 'upstream', 'X-E' => 'upstream' ] ] });
[defaults]
response_header.X-A = defaults
response_header.X-B = defaults
response_header.X-C = defaults
response_header.X-C#2 = second of defaults
response_header.X-D = defaults
response_header.X-E =
request_header.X-Who = defaults
[server one.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
response_header.x-a = server
response_header.X-C#2 = second of server
[route one.example/deep/*]
response_header.X-A = route %{route}
response_header.X-B = inherit
response_header.X-C =
response_header.X-D = + route
response_header.X-E = inherit
response_header.X-F = "inherit"
response_header.X-G = "+ text"
response_header.Strict-Transport-Security = max-age=1
[server two.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
[route /copied]
response_header.X-A = copied
INI

sub fields_of ($host, $path) {
    my $m = $w->get($path, host => $host);
    return join ' / ', map { my $n = "X-$_"; join '|', $m->all($n) } 'A' .. 'G';
}
is(fields_of('two.example', '/'), 'defaults / defaults / defaults|second of defaults / defaults /  /  / ', 'from [defaults]');
is(fields_of('one.example', '/'), 'server / defaults / defaults|second of server / defaults /  /  / ', 'a server\'s, by name in any case, #2 by itself');
is(fields_of('one.example', '/deep/x'), 'route one.example/deep/* / upstream / second of server / route / upstream / inherit / + text',
    'a route\'s: set, dropped, removed, added, quoted');
is(fields_of($_, '/copied'), 'copied / defaults / ' . ($_ =~ /one/ ? 'defaults|second of server' : 'defaults|second of defaults') . ' / defaults /  /  / ',
    "a route of all servers: $_") for qw(one.example two.example);

my $file = $w->conf_file;
my ($code, $out) = $w->run('-T', '-q', '-c', $file);
my ($deep) = $out =~ /^(\[route one\.example\/deep\/\*\]\n.*?)(?:\n\n|\z)/ms;
like($deep, qr/^; \Q$file\E:15\nresponse_header\.X-A = route %\{route\}$/m, '-T: the route\'s own with its place');
like($deep, qr/^; \Q$file\E:13\nresponse_header\.X-C#2 = second of server$/m, 'an inherited one');
like($deep, qr/^; \Q$file\E:8\nrequest_header\.X-Who = defaults$/m, 'from the top') or diag $deep;
like($deep, qr/^response_header\.X-B = inherit$/m, 'one that was dropped');
like($deep, qr/^; \Q$file\E:18\nresponse_header\.X-D = \+ route$/m, 'one that adds');
$w->write_file('again.ini', $out);
($code, my $again) = $w->run('-T', '-q', '-c', $w->dir . '/again.ini');
is($again =~ s/^;.*\n//gmr, $out =~ s/^;.*\n//gmr, 'it reads back to the same');

my $port = $w->port;
(undef, $out) = $w->run('explain', '-c', $file, "http://one.example:$port/deep/x");
like($out, qr/^request header: X-Who \(\Q$file\E:8\): set to defaults$/m, 'explain: a request header');
like($out, qr/^response header: X-A \(\Q$file\E:15\): set to route one\.example\/deep\/\*$/m, 'set, with the value that it would have');
like($out, qr/^response header: X-C \(\Q$file\E:17\): removed$/m, 'removed');
like($out, qr/^response header: X-C#2 \(\Q$file\E:13\): set to second of server$/m, 'a second one');
like($out, qr/^response header: X-D \(\Q$file\E:18\): added, route$/m, 'added');
like($out, qr/^response header: Strict-Transport-Security \(\Q$file\E:22\): not sent over plain HTTP$/m, 'not sent');
like($out, qr/^    X-Who: defaults$/m, 'and what goes upstream has it');
unlike($out, qr/X-B/, 'none that was dropped');
(undef, $out) = $w->run('explain', '-c', $file, "http://nobody.example:$port/");
like($out, qr/^response header: X-A \(\Q$file\E:2\): set to defaults$/m, 'an error has those of [defaults]') or diag $out;
unlike($out, qr/^request header/m, 'and nothing goes upstream');
done_testing;
