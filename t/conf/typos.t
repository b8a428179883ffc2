# t/unit/typos.c measures one-letter typos over two configurations in one
# process; here a few of them go through the program, so that what it measures
# is what an operator sees.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

open my $fh, '<', 'etc/examples/production.ini' or die;
my @text = <$fh>;
close $fh;

# Every place where a key, a kind or a reference stands, and what it is.
my @words;
for my $i (0 .. $#text) {
    push @words, [ $i, $-[1], $1 ]
        if $text[$i] =~ /^\[(\w+)/ || $text[$i] =~ /^(server)\.\w+ *=/ || $text[$i] =~ /^([a-z][\w.]*?) *=/;
    push @words, [ $i, $-[1], $1 ] if $text[$i] =~ /^(?:access_log|\/\S+) *= *((?!off)[a-z-]+)$/;
}
my ($all, $caught, $right) = (0, 0, 0);
for my $n (0 .. $#words) {
    my ($i, $at, $word) = @{ $words[$n] };
    my $p = $n % length $word;
    my @typos = (
        substr($word, 0, $p) . substr($word, $p + 1),
        substr($word, 0, $p + 1) . substr($word, $p),
        length $word > $p + 1 ? substr($word, 0, $p) . substr($word, $p + 1, 1) . substr($word, $p, 1) . substr($word, $p + 2) : $word,
        substr($word, 0, $p) . (substr($word, $p, 1) eq 'q' ? 'w' : 'q') . substr($word, $p + 1),
    );
    my $typo = $typos[ $n % 4 ];
    next if $typo eq $word || $typo eq '';
    my @copy = @text;
    substr($copy[$i], $at, length $word) = $typo;
    put('typo.ini', join '', @copy);
    my ($code, @lines) = check('typo.ini');
    my $line = $i + 1;
    my ($found) = grep { /^typo.ini:$line: / } @lines;
    $all++;
    $caught++ if $found;
    if ($found && $found =~ /did you mean .*"\Q$word\E[".]/) {
        $right++;
    }
    else {
        note("$typo for $word in line $line: " . ($found // 'not caught'));
    }
}
diag(sprintf '%d typos through the program: %.1f%% caught at their line, %.1f%% with what was meant',
    $all, 100 * $caught / $all, 100 * $right / $all);
cmp_ok($all, '>=', 30, 'enough typos');
cmp_ok($caught / $all, '>=', 0.98, 'caught at the right line');
cmp_ok($right / $all, '>=', 0.9, 'with the right suggestion');

done_testing();
