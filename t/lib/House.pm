# What the house tests share: which files there are, and C without its
# comments and strings.  It starts no program.
package House;

use strict;
use warnings;
use Exporter 'import';
use File::Find ();

our @EXPORT = qw(files slurp code functions ring stem);

# Files under the given folders whose names match, sorted.
sub files {
    my ($match, @dirs) = @_;
    my @found;
    File::Find::find(
        {
            no_chdir => 1,
            wanted   => sub {
                $File::Find::prune = 1, return if -d && m{(?:^|/)(?:\.git|build(?:-[^/]*)?)$};
                push @found, $_ if -f && $_ =~ $match;
            },
        },
        grep { -e } @dirs
    );
    s{^\./}{} for @found;
    return sort @found;
}

sub slurp {
    my ($path) = @_;
    open my $fh, '<', $path or die "$path: $!\n";
    local $/;
    my $text = <$fh>;
    return defined $text ? $text : '';
}

# The text of a C file with comments, strings and characters blanked out and
# every line where it was; macros too if asked.
sub code {
    my ($path, %opt) = @_;
    my $text = slurp($path);
    my $blank = sub { my $s = shift; $s =~ s/[^\n]/ /g; $s };
    $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}
              {defined $1 ? $blank->($1) : substr($2, 0, 1) . ' ' x (length($2) - 2) . substr($2, -1)}gse
        unless $opt{raw};
    $text =~ s{^([ \t]*#[ \t]*define\b(?:[^\n]*\\\n)*[^\n]*)}{$blank->($1)}gem if $opt{no_macros};
    return $text;
}

# The functions that a file defines: name, static, inline, at_margin (the name
# starts its line), line, end.  A body is what opens with a brace at the margin.
sub functions {
    my ($path) = @_;
    my @lines = split /\n/, code($path, no_macros => 1), -1;
    my @found;
    for my $i (0 .. $#lines) {
        next unless $lines[$i] =~ /^\{/;
        my $first = $i;
        $first-- while $first > 0 && $lines[ $first - 1 ] !~ /^\s*$|^\s*#|^\}|[;}]\s*$/;
        my $head = join "\n", @lines[ $first .. $i - 1 ];
        # Attributes and attribute macros are not names.
        $head =~ s/(__attribute__\s*)(\((?:[^()]|(?2))*\))/' ' x length($1) . _blank($2)/ge;
        $head =~ s/^((?:[A-Z][A-Z0-9_]*\b(\s*\((?:[^()]|(?2))*\))?\s*)+)/_blank($1)/gem;
        next unless $head =~ /\b([A-Za-z_]\w*)\s*\(/;
        my ($name, $at) = ($1, $-[1]);
        my $before = substr $head, 0, $at;
        my $end = $i;
        $end++ while $end < $#lines && $lines[$end] !~ /^\}/;
        my $line_start = rindex($before, "\n") + 1;
        push @found,
            {
            name      => $name,
            static    => scalar($before =~ /\bstatic\b/),
            inline    => scalar($before =~ /\binline\b/),
            at_margin => $at == $line_start,
            line      => $first + 1 + ($before =~ tr/\n//),
            end       => $end + 1,
            };
    }
    return @found;
}

sub _blank {
    my ($s) = @_;
    $s =~ s/[^\n]/ /g;
    return $s;
}

# core/base/str.c is of ring base; modules/headers/x.c of modules.
sub ring {
    my ($path) = @_;
    return $1 if $path =~ m{^core/([^/]+)/};
    return $path =~ m{^([^/]+)/} ? $1 : '';
}

sub stem {
    my ($path) = @_;
    return $path =~ m{([^/]+)\.[^./]+$} ? $1 : $path;
}

1;
