# Every man page is there and mandoc has nothing to say about it.
use strict;
use warnings;
use House;
use Test::More;

my $build = $ENV{WR_BUILD} || 'build';

ok(-f "$build/man/$_", "$build/man/$_ is built") for qw(weir.8 weirctl.8 weir.ini.5 weir-reasons.7);

my @pages = sort glob "$build/man/*.[1-9]";
for my $page (@pages) {
    my $out = `mandoc -T lint -W all $page 2>&1`;
    # One remark is about the operating system that the reader has.
    my @remarks = grep { !/referenced manual not found/ } split /\n/, $out;
    ok($? != -1 && $? >> 8 != 127, 'mandoc is installed (Debian: mandoc)');
    ok(!@remarks, "$page has no fault") or diag(join "\n", @remarks);
    my @left = slurp($page) =~ /(\@[a-z]+\@)/g;
    ok(!@left, "$page has all its paths") or diag("@left");
    # It renders, and says something.
    my $text = `mandoc -T ascii $page 2>/dev/null | col -b`;
    ok(length $text > 500, "$page renders");
}

# What CONFIG calls the command line, all of it explained.
if (-f "$build/man/weir.8") {
    my $page = slurp("$build/man/weir.8");
    for my $flag (qw(c t T q s v V d)) {
        like($page, qr/^\.It Fl $flag\b/m, "weir.8 explains -$flag");
    }
    for my $signal (qw(HUP QUIT TERM INT USR1 USR2 WINCH)) {
        like($page, qr/\bSIG$signal\b/, "weir.8 explains SIG$signal");
    }
}

# weirctl.8 explains every command that there is, by its grammar, and no other.
{
    my ($commands) = slurp("$build/man/weirctl.8") =~ /^\.Ss Commands\n(.*?)^\.S[hs] /ms;
    my @explained;
    for my $line ($commands =~ /^\.It Cm (.*)/mg) {
        $line =~ s/ Ns ?//g;
        $line =~ s/Op Fl (\S+)/[-$1]/g;
        $line =~ s/\/ Ar /\//g;
        $line =~ s/\bAr //g;
        push @explained, $line;
    }
    my @there = map { /^([a-z]+(?: \S+)*)  / ? lc $1 : () } split /\n/, `$build/weirctl help`;
    ok(@there >= 11, 'weirctl lists ' . @there . ' commands');
    is(join("\n", sort @explained), join("\n", sort @there), 'weirctl.8 explains them all, and no other');
}

done_testing();
