# A file includes its own ring and the rings below it, written from the root.
use strict;
use warnings;
use House;
use Test::More;

my %below = (
    base     => [],
    conf     => ['base'],
    shm      => ['base'],
    event    => ['base'],
    proto    => ['base'],
    http     => [qw(base conf shm event proto)],
    front    => [qw(base conf shm event proto http)],
    upstream => [qw(base conf shm event proto http)],
);
# What weir shows its modules; core calls them, so the upper rings know it too.
my $module_h      = 'core/module.h';
my %knows_modules = map { $_ => 1 } qw(http front upstream workers);

# Headers of the system that belong to one place.
my %only = (
    'ini.h'         => qr{^core/conf/},
    'sys/epoll.h'   => qr{^core/event/},
    'sys/eventfd.h' => qr{^core/(?:event|shm)/|^workers/},
    'pthread.h'     => qr{^core/event/offload},
    'stdatomic.h'   => qr{^core/(?:base|shm|event|http|front|upstream)/|^workers/|^modules/},
);
# core/proto: bytes in, verdict out; no descriptor, no clock, no allocation.
my $impure = qr{^(?:unistd|fcntl|time|poll|pthread|stdlib|malloc|sys/(?!types)\w+|netdb|arpa/inet)\.h$};

sub allowed {
    my ($file, $target) = @_;
    return 1 if $target eq 'config.h';    # written by configure
    my $from = ring($file);
    my $to   = ring($target);
    if ($file =~ m{^modules/([^/]+)/}) {
        return 1 if $target eq $module_h || $target =~ m{^modules/\Q$1\E/};
        # a transport, and the connections that it carries
        return $1 eq 'tls' && $target =~ m{^core/event/(?:transport|conn)\.h$};
    }
    return $target =~ m{^(?:core|workers|modules)/} if $file =~ m{^workers/};
    return $target =~ m{^core/(?:base|conf|shm|proto|http|upstream)/} if $file eq $module_h;
    return $knows_modules{$from} if $target eq $module_h;
    return 0 unless $target =~ m{^core/[^/]+/};
    return $from eq $to || grep { $_ eq $to } @{ $below{$from} || [] };
}

my @files = files(qr/\.(?:c|h|def)$/, qw(core modules workers));
ok(@files > 0, 'there are sources');

my @wrong;
for my $file (@files) {
    push @wrong, "$file: no ring is called that"
        if $file =~ m{^core/([^/]+)/} && !$below{$1};
    # The file names are strings, so they are read from the text itself.
    my @lines = split /\n/, slurp($file);
    for my $i (0 .. $#lines) {
        my $at = "$file:" . ($i + 1);
        if ($lines[$i] =~ /^\s*#\s*include\s*"([^"]+)"/) {
            my $target = $1;
            if (!allowed($file, $target)) {
                push @wrong, "$at: includes $target";
            }
            elsif ($target ne 'config.h' && !-f $target) {
                push @wrong, "$at: includes $target, which is not written from the root or not there";
            }
        }
        elsif ($lines[$i] =~ /^\s*#\s*include\s*<([^>]+)>/) {
            my $target = $1;
            push @wrong, "$at: <$target> belongs elsewhere" if $only{$target} && $file !~ $only{$target};
            push @wrong, "$at: core/proto does without <$target>"
                if $file =~ m{^core/proto/} && $target =~ $impure;
        }
        elsif ($lines[$i] =~ /^\s*#\s*include\b/) {
            push @wrong, "$at: an include that this test cannot read";
        }
    }
}
ok(!@wrong, scalar(@files) . ' files keep to their rings') or diag(join "\n", @wrong);

done_testing();
