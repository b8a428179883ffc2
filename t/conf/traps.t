# The traps of libinih, through the program: nothing is cut or misread.
use strict;
use warnings;
use Test::More;
use Time::HiRes 'time';
require './t/conf/check.pl';

# What -T makes of a text; its messages when it has errors.
sub effective {
    my ($text) = @_;
    put('trap.ini', $text);
    my ($code, $out, $err) = weir('-T', '-q', '-c', dir() . '/trap.ini');
    return $code ? "exit $code\n$err" : $out;
}

my $long = 'x' x 500;
like(effective(site() . "/long = status:200 $long\n"), qr/^to = status:200 \Q$long\E$/m, 'a value of 500 bytes');
my $max = 'y' x (65536 - length '/l = status:200 ');
like(effective(site() . "/l = status:200 $max\n"), qr/^to = status:200 $max$/m, 'a line of 64 KiB');
like(effective(site() . "/l = status:200 ${max}y\n"), qr/trap.ini:4: error: a line of 65537 bytes/, 'a byte more is an error');
my $names = join ' ', map { "host-number-$_.example.com" } 1 .. 20;
like(effective("[server $names]\nupstream = x:1\n"), qr/^\[server \Q$names\E\]$/m, 'a header of 500 bytes');
like(effective(site() . "[route a.example/$long/*]\ndeadline = 5s\n"), qr/^\[route a.example\/$long\/\*\]$/m, 'a route as long');
like(effective("[server [::1]]\nupstream = [::1]:80\n[route [::1]/x]\nhost = h\n"), qr/^\[route \[::1\]\/x\]$/m, 'a ] inside');
like(effective(site() . "/a:b/* = x:1\n"), qr/^\[route a.example\/a:b\/\*\]\n[^\n]+\nto = x:1$/m, 'a : inside a key');
like(effective(site() . "\t  deadline = 5s\n"), qr/^deadline = 5s$/m, 'an indented key');
like(effective(site() . "deadline = 5s"), qr/^deadline = 5s$/m, 'no newline at the end');
(my $crlf = site() . "deadline = 5s\n") =~ s/\n/\r\n/g;
like(effective($crlf), qr/^deadline = 5s$/m, 'CRLF');
like(effective("\xef\xbb\xbf" . site() . "deadline = 5s\n"), qr/^deadline = 5s$/m, 'a byte order mark');
like(effective(site() . "[upstream u]\n"), qr/trap.ini:4: error: \[upstream u\] has no server/, 'an empty section is seen');
like(effective(site() . "deadline = 5s\ndeadline = 6s\n"),
    qr/trap.ini:5: error: key "deadline" stands twice in \[server a.example\]; first at .*trap.ini:4/, 'a key twice');
like(effective(site() . "deadline = 5s ; soon\n"), qr/trap.ini:4: error: bad value "5s ; soon" of deadline/,
    'a comment behind a value is no comment');
like(effective(site() . "/x = status:200 a ; b\n"), qr/^to = status:200 a ; b$/m, 'but part of it');
like(effective(site() . "host = a\0b\n"), qr/trap.ini:4: error: a NUL byte in column 9/, 'NUL');
like(effective(site() . "host = \xff\n"), qr/trap.ini:4: error: bytes that are not UTF-8 in column 8/, 'invalid UTF-8');
like(effective(site() . "host = a\rb\n"), qr/trap.ini:4: error: a carriage return/, 'a stray CR');
like(effective(site() . "keepalive\n"), qr/trap.ini:4: error: neither \[section\] nor key = value/, 'no =');

put('many.ini', site() . join '', map { "; line $_\n" } 1 .. 99_997);
my $best = 9;
for (1 .. 5) {
    my $start = time;
    my ($code) = check('many.ini');
    my $took = time - $start;
    $best = $took if $code == 0 && $took < $best;
}
diag(sprintf '100,000 lines: %.0f ms, with the start of the program', $best * 1000);
cmp_ok($best, '<', 2, '100,000 lines are read in a moment (t/unit/ini has the 200 ms)');

done_testing();
