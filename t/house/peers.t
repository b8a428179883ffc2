# Every program that the tests run against or with is installed: a missing one
# fails, here and by the name of its Debian package, instead of tests that
# quietly do less.
use strict;
use warnings;
use House;
use Test::More;

my @peers = (
    # program      package
    [ 'cc',           'gcc' ],
    [ 'make',         'make' ],
    [ 'pkg-config',   'pkg-config' ],
    [ 'clang',        'clang' ],
    [ 'clang-format', 'clang-format' ],
    [ 'perl',         'perl' ],
    [ 'prove',        'perl' ],
    [ 'curl',         'curl' ],
    [ 'wrk',          'wrk' ],
    [ 'nginx',        'nginx-light' ],
    [ 'haproxy',      'haproxy' ],
    [ 'h2load',       'nghttp2-client' ],
    [ 'nghttp',       'nghttp2-client' ],
    [ 'openssl',      'openssl' ],
    [ 'python3',      'python3' ],
    [ 'node',         'nodejs' ],
    [ 'chromium',     'chromium' ],
    [ 'fail2ban-regex', 'fail2ban' ],
    [ 'strace',       'strace' ],
    [ 'ps',           'procps' ],
    [ 'ss',           'iproute2' ],
    [ 'col',          'bsdextrautils' ],
    [ 'mandoc',       'mandoc' ],
);

my @path = (split(/:/, $ENV{PATH} || ''), qw(/usr/sbin /sbin /usr/local/sbin));
for my $peer (@peers) {
    my ($program, $package) = @$peer;
    ok((grep { -x "$_/$program" && !-d _ } @path), "$program is installed (Debian: $package)");
}

# The C library that the sanitizers need is part of the compilers.
my $rt = `clang -print-resource-dir 2>/dev/null`;
chomp $rt;
ok(length $rt && glob("$rt/lib/*/libclang_rt.fuzzer*.a"), 'libFuzzer is installed (Debian: libclang-rt-dev)');

# What is missing must also be what a newcomer is told to install.
my %listed = map { $_ => 1 } (slurp(".ci/run") =~ /packages=\((.*?)\n\)/s)[0] =~ /^    ([a-z0-9.+-]+)$/mg;
for my $package (sort keys %{ { map { $_->[1] => 1 } @peers } }) {
    ok($listed{$package}, "$package is installed by .ci/run");
}
if (-f 'README.md') {
    my ($line) = slurp('README.md') =~ /(apt-get install (?:[^\n`]*\\\n)*[^\n`]*)/;
    $line = '' unless defined $line;
    $line =~ s/\\\n/ /g;
    my %told = map { $_ => 1 } split ' ', $line;
    my @untold = grep { !$told{$_} } sort keys %listed;
    ok(!@untold, 'README.md names the packages of .ci/run') or diag("not named: @untold");
}

done_testing();
