# include: patterns, order, one level, places in the files they are in.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

my $main = "[weir]\ninclude = conf.d/*.ini\n" . site();
put('weir.ini', $main);
my ($code, @lines) = check('weir.ini');
is("$code @lines", '0 ', 'a pattern without a match is fine');
put('conf.d/b.ini', "[server b.example]\nupstream = b:1\n");
put('conf.d/a.ini', "[server aa.example]\nupstream = a:1\n");
put('conf.d/notes.txt', "nonsense\n");
($code, @lines) = check('weir.ini');
is("$code @lines", '0 ', 'two files, relative to the file that names them');
my (undef, $out) = weir('-T', '-q', '-c', dir() . '/weir.ini');
my @servers = $out =~ /^\[server (\S+)\]$/mg;
is("@servers", 'a.example aa.example b.example', 'sorted by name');
like($out, qr{^; \Q@{[dir()]}\E/conf.d/b.ini:2\nto = b:1$}m, '-T names the file that a value came from');

put('conf.d/b.ini', "[server a.example]\nupstram = b:1\n");
($code, @lines) = check('weir.ini');
says(\@lines, 'conf.d/b.ini:1: error: [server a.example] stands twice; first at weir.ini:3', 'a section in two files names both places');
says(\@lines, 'conf.d/b.ini:2: error: unknown key "upstram"', 'and its keys are checked');
put('conf.d/b.ini', "[weir]\ninclude = x.ini\n");
($code, @lines) = check('weir.ini');
says(\@lines, 'conf.d/b.ini:2: error: include stands in the first file alone', 'one level');
put('conf.d/b.ini', "upstream = x:1\n");
($code, @lines) = check('weir.ini');
says(\@lines, 'conf.d/b.ini:1: error: a key in front of the first [section]', 'a section ends with its file');
unlink dir() . '/conf.d/b.ini';

put('weir.ini', "[weir]\ninclude = conf.d/none.ini\n" . site());
($code, @lines) = check('weir.ini');
says(\@lines, 'weir.ini:2: error: include: conf.d/none.ini does not exist', 'a plain name has to exist');
put('weir.ini', "[weir]\ninclude = none.d/*.ini\n" . site());
($code, @lines) = check('weir.ini');
is("$code @lines", '0 ', 'a pattern in a directory that does not exist matches nothing');
put('weir.ini', "[defaults]\ninclude = conf.d/*.ini\n" . site());
($code, @lines) = check('weir.ini');
says(\@lines, 'weir.ini:2: error: key "include" in [defaults]: it belongs in [weir]', 'in [weir] alone');

done_testing();
