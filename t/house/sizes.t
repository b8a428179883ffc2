# A function has at most 80 lines (byte-level parsers excepted), a file 700.
use strict;
use warnings;
use House;
use Test::More;

my @files = (files(qr/\.[ch]$/, qw(core modules workers man)));
ok(@files > 0, 'there are sources');

my (@long_functions, @long_files, $functions);
for my $file (@files) {
    my $lines = () = slurp($file) =~ /\n/g;
    push @long_files, "$file: $lines lines" if $lines > 700;
    for my $f (functions($file)) {
        my $n = $f->{end} - $f->{line} + 1;
        $functions++;
        push @long_functions, "$file:$f->{line}: $f->{name} has $n lines"
            if $n > 80 && $file !~ m{^core/proto/};
    }
}
ok($functions, 'there are functions');
ok(!@long_functions, 'no function has more than 80 lines') or diag(join "\n", @long_functions);
ok(!@long_files,     'no file has more than 700 lines')    or diag(join "\n", @long_files);

done_testing();
