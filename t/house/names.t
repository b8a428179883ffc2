# Names tell where a thing lives: exported functions start with wr_, statics
# with the stem of their file; no name and no stem stands for two things.
use strict;
use warnings;
use House;
use Test::More;

my @sources = files(qr/\.c$/, qw(core modules workers));
my @headers = files(qr/\.h$/, qw(core modules workers));
ok(@sources > 0, 'there are sources');

my (@twice, @margin, @exported, @static, %where);
for my $file (@sources, @headers) {
    my $stem = stem($file);
    for my $f (functions($file)) {
        my $at = "$file:$f->{line}: $f->{name}";
        push @margin, "$at: not at the margin" unless $f->{at_margin};
        next if $f->{name} eq 'main' && $file =~ m{^workers/(?:main|weirctl)\.c$};
        $where{ $f->{name} }{$file} = 1;
        if ($f->{static} && $file =~ /\.c$/) {
            push @static, "$at: does not start with ${stem}_" unless $f->{name} =~ /^\Q$stem\E(?:_|$)/;
        }
        else {
            push @exported, "$at: does not start with wr_" unless $f->{name} =~ /^wr_/;
        }
    }
}
# Two in one file are the arms of an #if, or the compiler would not have it.
push @twice, "$_: " . join(', ', sort keys %{ $where{$_} })
    for grep { keys %{ $where{$_} } > 1 } sort keys %where;
ok(keys %where > 0, scalar(keys %where) . ' functions');
ok(!@margin,   'a name stands at the margin of its definition')   or diag(join "\n", @margin);
ok(!@exported, 'exported functions start with wr_')               or diag(join "\n", @exported);
ok(!@static,   'static functions start with the stem of the file') or diag(join "\n", @static);
ok(!@twice,    'a function name stands for one function')         or diag(join "\n", @twice);

# Stems.
my @stems;
for my $list (\@sources, \@headers) {
    my %seen;
    push @{ $seen{ stem($_) } }, $_ for @$list;
    push @stems, map { join ', ', @{ $seen{$_} } } grep { @{ $seen{$_} } > 1 } sort keys %seen;
}
my %source_of = map { stem($_) => $_ } @sources;
for my $h (@headers) {
    my $c = $source_of{ stem($h) } or next;
    (my $beside = $h) =~ s/h$/c/;
    push @stems, "$h is not beside $c" if $c ne $beside;
}
ok(!@stems, 'a stem stands for one file, and its header is beside it') or diag(join "\n", @stems);

# A source has one header: all that it exports is declared in the same.
my %declared;
for my $h (@headers) {
    my $text = code($h, no_macros => 1);
    $declared{$1}{$h} = 1 while $text =~ /^(?=\w)[^\n;{}]*\b(wr_\w+)\s*\([^;{}]*\)[^;{}]*;/gm;
}
my @split;
for my $file (@sources) {
    my %in;
    for my $f (grep { !$_->{static} } functions($file)) {
        $in{$_} = 1 for keys %{ $declared{ $f->{name} } || {} };
    }
    push @split, "$file: " . join(', ', sort keys %in) if keys %in > 1;
}
ok(!@split, 'what a source exports is declared in one header') or diag(join "\n", @split);

# A module exports one symbol with a fixed name.
my @modules;
for my $dir (grep { -d } glob 'modules/*') {
    my ($name) = $dir =~ m{/([^/]+)$};
    my $entry = "$dir/$name.c";
    push @modules, "$dir has no $name.c" unless -f $entry;
    push @modules, "$entry does not define wr_module_$name"
        if -f $entry && code($entry) !~ /^const struct wr_module wr_module_\Q$name\E\b/m;
    push @modules, "modules/modules.list does not name $name"
        unless -f 'modules/modules.list' && slurp('modules/modules.list') =~ /^\s*\Q$name\E\s*(?:#.*)?$/m;
}
ok(!@modules, 'a module is a folder, its entry file and its line in the list') or diag(join "\n", @modules);

# struct wr_x stays struct wr_x.
my @typedefs;
for my $file (@sources, @headers) {
    my $text = code($file);
    while ($text =~ /\btypedef\s+(?:struct|union)\b/g) {
        push @typedefs, "$file:" . (1 + (substr($text, 0, $-[0]) =~ tr/\n//));
    }
}
ok(!@typedefs, 'no struct has a second name') or diag(join "\n", @typedefs);

done_testing();
