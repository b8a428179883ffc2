# Every file that is installed to begin with is good, and says nothing but that plain HTTP is plain.
use strict;
use warnings;
use Test::More;
require './t/conf/check.pl';

for my $file (glob('etc/examples/*.ini'), 'etc/weir.ini') {
    open my $fh, '<', $file or die "$file: $!";
    my $text = do { local $/; <$fh> };
    close $fh;
    $text =~ s/\@localstatedir\@/\/var/g;
    put('example.ini', $text);
    my ($code, @lines) = check('example.ini');
    is("$code @lines", '0 ', $file);

    # What stands in its comments as a suggestion is good too, all of it together.
    (my $all = $text) =~ s/^;   (?=\[\w|[\w.\/*]+ *=)//mg;
    next if $all eq $text;
    put('all.ini', $all);
    ($code, @lines) = check('all.ini');
    ok($code == 0, "$file with its examples") or diag(join "\n", @lines);
}

done_testing();
