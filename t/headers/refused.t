# What no rule may say is refused when the configuration is read, at its line,
# with what does the job instead.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

my $key;
sub refused {
    my ($line, $why, $name) = @_;
    put('r.ini', "[server a]\ntls = off\n/* = localhost:80\n[route a/x]\n$line\n");
    my ($code, @lines) = check('r.ini');
    is($code, 1, ($name // $line) . ': refused');
    ($key) = $line =~ /^([^ =]+)/;
    is_deeply(\@lines, ["r.ini:5: error: $why"], 'at its line, once');
}
sub good {
    my ($line, $name) = @_;
    put('r.ini', "[server a]\ntls = off\n/* = localhost:80\n[route a/x]\n$line\n");
    my ($code, @lines) = check('r.ini');
    is_deeply([ $code, @lines ], [0], $name // $line);
}

refused('request_header.Host = b', 'request_header.Host: the key "host" says which one goes upstream');
refused('request_header.host =', 'request_header.host: the key "host" says which one goes upstream');
for my $side (qw(request response)) {
    refused("${side}_header.$_ = 1", "${side}_header.$_: weir itself says where a body ends") for qw(Content-Length transfer-encoding);
    refused("${side}_header.Connection = upgrade",
        "${side}_header.Connection: it is about one connection alone; kept connections and upgrades (WebSocket) need no rule");
    refused("${side}_header.Upgrade = websocket", "${side}_header.Upgrade: upgrades (WebSocket) pass without a rule");
    refused("${side}_header.$_ = x", "${side}_header.$_: trailers pass without a rule") for qw(TE Trailer);
    refused("${side}_header.Via =", "${side}_header.Via: weir keeps it and adds itself, so that loops are noticed");
    refused("${side}_header.$_ = x", "${side}_header.$_: it is about one connection alone") for qw(Proxy-Connection HTTP2-Settings);
    refused("${side}_header.Via#2 = x", "${side}_header.Via#2: weir keeps it and adds itself, so that loops are noticed", 'a second one');
}
refused('request_header.Keep-Alive = x', 'request_header.Keep-Alive: it is about one connection alone; see the key "keepalive" of [upstream]');
refused('request_header.Expect =', 'request_header.Expect: weir passes it on where the client asked for it');
refused('response_header.Date =', 'response_header.Date: every response has a Date');
refused('request_header.X-Forwarded-Proto = + https',
    'request_header.X-Forwarded-Proto: weir sends one value; a rule without "+" and "#" replaces it');
refused('request_header.X-Real-IP#2 = 1', 'request_header.X-Real-IP#2: weir sends one value; a rule without "+" and "#" replaces it');
refused("response_header.Link#$_ = x", "response_header.Link#$_: a second rule for one field is called NAME#2, a third NAME#3, up to NAME#99")
    for 1, 0, '02', 100, 'x', '', '2#3';
refused('response_header.Bad(Name) = x', '"Bad(Name)" is not the name of a header field');
refused('response_header.X = +', 'response_header.X: "+" adds a value, and none stands there');
refused('response_header.X = %{hots}', 'response_header.X: unknown variable "%{hots}"; did you mean "%{host}"?');
refused('response_header.X = 50% off', 'response_header.X: a percent sign stands for a variable, %{name}, or is written %%');
refused("response_header.X = a\x01b", 'a control byte in column 22', 'a control byte');
put('two-lines', "a\nX-Evil: b\n");
refused('response_header.X = @' . dir() . '/two-lines', 'response_header.X: a control byte or a line break would split the header', 'a file of two lines');
refused('response_header.X = ' . 'x' x 8193, 'response_header.X: longer than 8192 bytes', '8193 bytes');

good('response_header.X = ' . 'x' x 8192, '8192 bytes');
good("response_header.X = a\tb \xc3\xa9", 'a tab and UTF-8');
good($_) for 'response_header.X =', 'response_header.X = off', 'response_header.Link#99 = x', 'response_header.Date = x',
    'response_header.X-Real-IP = + 1', 'request_header.X-Forwarded-For =', 'response_header.Host = x', 'request_header.Forwarded = + for=_x', 'response_header.X = 100%%';

# All of them in one run, inherited ones once, and near misses.
put('r.ini', "[defaults]\nrequest_header.Host = x\nresponse_header.Via = y\nresponse_header.Cache-Contrl = z\n"
    . "[server a]\ntls = off\n/* = localhost:80\n/b = localhost:81\nresponse_header.Y = %{no}\n[route a/c]\nresponse_header.Z = 1\n");
my ($code, @lines) = check('r.ini');
is($code, 1, 'several faults');
is_deeply([ map { /^r\.ini:(\d+): (\w+)/ ? "$1 $2" : $_ } @lines ], [ '2 error', '3 error', '4 warning', '9 error' ], 'each is named once, at its line')
    or diag join "\n", @lines;
done_testing();
