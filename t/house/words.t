# Words that have no place in the tree: marks of unfinished work, hosts that
# are not reserved for examples, and paths of somebody's machine.
use strict;
use warnings;
use House;
use Test::More;

my @sources = files(qr/\.(?:c|h|def|list)$/, qw(core modules workers));
my @all = grep { -T } files(qr/./, '.');
ok(@sources > 0, 'there are sources');

my (@marks, @paths, @hosts);
my $mark = qr/\b(TODO|FIXME|XXX|HACK)\b/;
my $path = qr{(?<![\w.-])(/wor[k]/|/hom[e]/\w+/|/roo[t]/)};

# Hosts that may be named: reserved for documentation, the machine itself, or
# the authorities that a proxy must know by name.
my $known = qr{^(?:
    (?:[\w-]+\.)*(?:example|test|invalid|localhost)          # RFC 2606
  | (?:[\w*-]+\.)*example\.(?:com|org|net)
  | localhost | [\d.]+ | \[[0-9a-fA-F:.]+\]
  | [^.]*                                                    # no domain at all
  | (?:www\.)?rfc-editor\.org
)$}x;

for my $file (@sources) {
    my @lines = split /\n/, slurp($file);
    for my $i (0 .. $#lines) {
        push @marks, "$file:" . ($i + 1) . ": $1" if $lines[$i] =~ $mark;
    }
}
for my $file (@all) {
    my @lines = split /\n/, slurp($file);
    for my $i (0 .. $#lines) {
        push @paths, "$file:" . ($i + 1) . ": $1" if $lines[$i] =~ $path;
        next if $file =~ m{^t/};    # tests have hosts that are wrong on purpose
        while ($lines[$i] =~ m{\bhttps?://((?:[\w.-]+|\[[^\]]*\]))}g) {
            push @hosts, "$file:" . ($i + 1) . ": $1" if $1 !~ $known;
        }
    }
}
ok(!@marks, 'nothing is marked as unfinished')                or diag(join "\n", @marks);
ok(!@paths, 'no path of one machine')                         or diag(join "\n", @paths);
ok(!@hosts, 'no host but those that are reserved for examples') or diag(join "\n", @hosts);

done_testing();
