# ${NAME}, ${NAME:-x} and @/path: data never becomes syntax.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

sub target {
    my ($value) = @_;
    put('env.ini', "[server a]\ntls = off\n/* = x:1\n/t = $value\n[upstream app]\nserver = y:1\n");
    my ($code, $out, $err) = weir('-T', '-q', '-c', dir() . '/env.ini');
    return $code ? $err : $out =~ /^\[route a\/t\]\n[^\n]+\nto = ([^\n]*)$/m ? $1 : 'nothing';
}

$ENV{T_HOST} = '10.0.0.1';
$ENV{T_EVIL} = qq{app\n[server evil]\nupstream = app};
$ENV{T_QUOTE} = 'status:200 "a" ; b # c ${T_HOST} @/etc/passwd';
delete $ENV{T_NONE};
is(target('${T_HOST}:80'), '10.0.0.1:80', 'a variable within a word');
is(target('${T_NONE:-10.0.0.2}:80'), '10.0.0.2:80', 'a preset');
like(target('${T_NONE}'), qr/env.ini:4: error: the environment has no T_NONE/, 'unset');
like(target('${T_EVIL}'), qr/env.ini:4: error: the value of \$\{T_EVIL\} has a control byte or a line break/, 'a line break');
is(target('${T_QUOTE}'), '"status:200 \\"a\\" ; b # c $${T_HOST} @/etc/passwd"', 'quotes, comments, variables and files in data are bytes');
my $file = put('secret', "status:200 sesame\n");
is(target("\@$file"), "\@$file", 'a file');
like(target('@/nonexistent'), qr/env.ini:4: error: cannot read \/nonexistent: No such file/, 'that is not there');
put('secret', 'x' x 65537);
like(target("\@$file"), qr/too large/, 'or too large');

put('head.ini', "[server \${T_HOST}]\nupstream = x:1\n\${T_HOST} = x\n");
my ($code, @lines) = check('head.ini');
says(\@lines, 'head.ini:1: error: "${t_host}" is not the name of a server: ${...} is expanded in values only', 'not in headers');
says(\@lines, 'head.ini:3: error: unknown key "${T_HOST}"', 'not in keys');

done_testing();
