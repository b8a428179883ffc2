# What the tests of this directory share: a directory, files in it, and
# `weir -t` or -T over them.
#
#   require './t/conf/check.pl';
#   put('weir.ini', "[server a]\n...");
#   my ($code, @lines) = check('weir.ini');     # messages, the directory taken off
use strict;
use warnings;
use Cwd ();
use File::Basename ();
use File::Path ();
use File::Temp ();
use Test::More;

my $bin = Cwd::abs_path($ENV{WR_BIN} || 'build/weir');
my $dir = Cwd::abs_path(File::Temp::tempdir(CLEANUP => 1));

sub dir { return $dir }

sub put {
    my ($name, $text) = @_;
    File::Path::make_path(File::Basename::dirname("$dir/$name"));
    open my $fh, '>:raw', "$dir/$name" or die "$name: $!";
    print $fh $text;
    close $fh or die "$name: $!";
    return "$dir/$name";
}

# Exit code, what came on standard output, what came on standard error.
sub weir {
    my @args = @_;
    my $err = "$dir/.stderr";
    my $pid = open my $fh, '-|';
    if (!$pid) {
        open STDERR, '>', $err or die;
        exec { $bin } $bin, @args or exit 127;
    }
    my $out = do { local $/; readline $fh };
    close $fh;
    my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    open my $e, '<:raw', $err or die;
    my $text = do { local $/; readline $e };
    return ($code, $out // '', $text // '');
}

# Exit code and the messages of `weir -t`: without our directory, without the last word on the whole, and
# without the notice that plain HTTP is plain.
sub check {
    my ($name, @more) = @_;
    my ($code, undef, $err) = weir('-t', @more, '-c', "$dir/$name");
    my @lines = grep { !/^weir: configuration |: notice: tls = auto/ } split /\n/, $err;
    s/\Q$dir\E\///g for @lines;
    return ($code, @lines);
}

# One message is this, at that line.
sub says {
    my ($lines, $want, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $found = grep { index($_, $want) == 0 } @$lines;
    ok($found, $name) or diag("not said: $want\n" . join "\n", @$lines);
    return $found;
}

sub site { return "[server a.example]\ntls = off\nupstream = localhost:8080\n" }

1;
