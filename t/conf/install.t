# `make install` puts files where they belong and `make uninstall` takes all of
# them away again; an administrator's file is neither overwritten nor removed.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Find ();
use File::Temp 'tempdir';
use Test::More;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR CHECK V)};
my $build = $ENV{WR_BUILD} || 'build';
my $tmp = abs_path(tempdir(CLEANUP => 1));

sub make {
    my @args = @_;
    my $out = qx{make -s BUILD=$build @args 2>&1};
    return ($? >> 8, $out);
}

sub tree {
    my ($root) = @_;
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub { push @found, substr $_, length $root if !-d } }, $root)
        if -d $root;
    return sort @found;
}

sub mode { return sprintf '%o', (stat $_[0])[2] & 07777 }

sub spew {
    my ($path, $text) = @_;
    open my $fh, '>', $path or die "$path: $!";
    print $fh $text;
    close $fh;
}

sub slurp {
    open my $fh, '<', $_[0] or return '';
    local $/;
    return scalar <$fh>;
}

# Where things go, as configure wrote it.
my %dir = slurp("$build/config.mk") =~ /^(\w+) := (\/\S*)$/mg;
my $ini = "$dir{sysconfdir}/weir/weir.ini";

my ($code, $out) = make('install', "DESTDIR=$tmp/a");
is($code, 0, 'make install') or diag($out);
my %want = (
    "$dir{sbindir}/weir"                           => '755',
    "$dir{mandir}/man8/weir.8"                     => '644',
    "$dir{mandir}/man5/weir.ini.5"                 => '644',
    "$dir{mandir}/man7/weir-reasons.7"             => '644',
    "$dir{datadir}/doc/weir/examples/two-sites.ini"  => '644',
    "$dir{datadir}/doc/weir/examples/production.ini" => '644',
    "$dir{bindir}/weirctl"                    => '755',
    "$dir{mandir}/man8/weirctl.8"             => '644',
    "$dir{datadir}/bash-completion/completions/weir" => '644',
    "$dir{datadir}/bash-completion/completions/weirctl" => '644',
    "$dir{prefix}/lib/systemd/system/weir.service" => '644',
    "$dir{prefix}/lib/sysusers.d/weir.conf"        => '644',
    "$dir{prefix}/lib/tmpfiles.d/weir.conf"        => '644',
    "$dir{sysconfdir}/logrotate.d/weir"            => '644',
    $ini                                           => '644',
);
is_deeply([ tree("$tmp/a") ], [ sort keys %want ], 'exactly the files that should be there');
for my $file (sort keys %want) {
    is(mode("$tmp/a$file"), $want{$file}, "mode of $file");
}
my @unfilled = grep { slurp("$tmp/a$_") =~ /\@[a-z]+dir\@|\@prefix\@/ } grep { !m{/sbin/} } keys %want;
is("@unfilled", '', 'no place was left open');
unlike(slurp("$tmp/a$_"), qr/\Q$tmp\E/, "$_ does not name DESTDIR") for sort keys %want;
like(slurp("$tmp/a$dir{prefix}/lib/systemd/system/weir.service"),
    qr/^ExecStart=\Q$dir{sbindir}\E\/weir$/m, 'the unit starts what was installed');

# Into a DESTDIR all is written, always: it is a package in the making.
spew("$tmp/a$ini", "; changed\n");
make('install', "DESTDIR=$tmp/a");
isnt(slurp("$tmp/a$ini"), "; changed\n", 'a DESTDIR is written whole');

($code, $out) = make('uninstall', "DESTDIR=$tmp/a");
is($code, 0, 'make uninstall') or diag($out);
is_deeply([ tree("$tmp/a") ], [], 'nothing is left');
ok(!-e "$tmp/a$dir{sysconfdir}/weir", 'nor the directories that are ours');

# On the machine itself (DESTDIR empty; the places are moved into the temporary directory).
my @places = map { "$_=$tmp/b$dir{$_}" } grep { !/^(?:localstatedir|runstatedir)$/ } sort keys %dir;
($code, $out) = make('install', @places);
is($code, 0, 'make install without DESTDIR') or diag($out);
ok(-f "$tmp/b$ini", 'a configuration where there was none');
my $shipped = slurp("$tmp/b$ini");
($code, $out) = make('install', @places);
ok(!-e "$tmp/b$ini.default", 'one that is unchanged needs no second copy');
spew("$tmp/b$ini", "; mine\n");
($code, $out) = make('install', @places);
is(slurp("$tmp/b$ini"), "; mine\n", 'one that is there is kept');
is(slurp("$tmp/b$ini.default"), $shipped, 'and the new one is beside it');
($code, $out) = make('uninstall', @places);
is_deeply([ tree("$tmp/b") ], [$ini], 'make uninstall leaves only what was changed');

done_testing();
