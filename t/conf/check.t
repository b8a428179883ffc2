# weir -t: every mistake in one run, FILE:LINE, what was meant; exit 0, 1, 2.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

put('good.ini', site());
my ($code, @lines) = check('good.ini');
is($code, 0, 'a good file: exit 0');
is("@lines", '', 'and nothing is said');

put('bad.ini', <<'INI');
[wier]
drain = 30

[server example.com]
proxi = x
timeout.idel = 5s
/api/* = ap

[upstream api]
server = 127.0.0.1:9000
INI
($code, @lines) = check('bad.ini');
is($code, 1, 'a bad one: exit 1');
says(\@lines, 'bad.ini:1: error: unknown kind of section "wier"; did you mean "weir"?', 'a section kind');
says(\@lines, 'bad.ini:2: error: bad value "30" of drain: a time needs a unit', 'a value');
says(\@lines, 'bad.ini:5: error: unknown key "proxi" in [server example.com]', 'a key');
says(\@lines, 'bad.ini:6: error: unknown key "timeout.idel" in [server example.com]; did you mean "timeout.idle"?', 'a key with what was meant');
says(\@lines, 'bad.ini:7: error: /api/*: there is no [upstream ap]; did you mean "api"?', 'a reference');
is(scalar @lines, 5, 'and no more') or diag(join "\n", @lines);
is_deeply([ map { /:(\d+):/ } @lines ], [ 1, 2, 5, 6, 7 ], 'in the order of lines');

put('warn.ini', site() . "[upstream unused]\nserver = x:1\n");
($code, @lines) = check('warn.ini');
is($code, 0, 'a warning: exit 0');
says(\@lines, 'warn.ini:4: warning: [upstream unused] is not used', 'and it is said');
($code, @lines) = check('warn.ini', '-q');
is("$code @lines", '0 ', 'not with -q');
($code, @lines) = check('bad.ini', '-q');
is($code . @lines, 15, 'errors are said with -q too');

($code, @lines) = check('nothing.ini');
is($code, 1, 'no file: exit 1');
says(\@lines, 'nothing.ini: error: cannot read: No such file or directory', 'and it is named');
($code) = weir('-t', '--nonsense');
is($code, 2, 'wrong use: exit 2');
put('empty.ini', "; nothing\n");
($code, @lines) = check('empty.ini');
is($code, 1, 'a file that serves nothing');

put('future.ini', site() . "auth = staff\n[cache c]\nmemory = 64m\n[weir]\nacme.contact = x\n");
($code, @lines) = check('future.ini');
says(\@lines, 'future.ini:4: error: auth: known, not in this release', 'a key of a later release');
says(\@lines, 'future.ini:5: error: [cache]: known, not in this release', 'a section');
says(\@lines, 'future.ini:8: error: acme.contact: known, not in this release', 'in another section');
is(scalar @lines, 3, 'what stands in such a section is not judged');

done_testing();
