# All C is as clang-format leaves it (make format).
use strict;
use warnings;
use Test::More;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};

my $version = `clang-format --version 2>&1`;
if (!ok($? == 0, 'clang-format is installed (Debian: clang-format)')) {
    done_testing();
    exit;
}
my $out = `make -s check-format 2>&1`;
my @where = $out =~ /^([^\s:]+:\d+):\d+: error/mg;
ok($? == 0, 'all C is formatted; make format does it')
    or diag("$version", @where ? join("\n", @where > 20 ? (@where[ 0 .. 19 ], '...') : @where) : $out);

done_testing();
