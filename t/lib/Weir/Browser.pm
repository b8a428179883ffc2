# A browser before weir: Chromium without a window, its profile and all else
# that it writes in the test's directory, speaking to nobody but this machine.
#
#   my $browser = Weir::Browser->new($w);
#   $browser->show($url);    # stays until it is ended, or the test is; more words: flags of its own
#   $browser->end;
#
# What a page found out it tells to its origin: the test waits for that.
package Weir::Browser;

use v5.36;
use POSIX ();
use Weir;

# Where it is installed, or undef.
sub program () { state $p = (grep { -x && !-d _ } map { "$_/chromium" } split /:/, $ENV{PATH})[0] }

my @flags = (
    qw(--headless=new --disable-gpu --disable-dev-shm-usage --no-first-run --no-proxy-server --mute-audio),
    # Tests run as root, in containers too, where its sandbox cannot be had.
    '--no-sandbox',
    # Nothing of its own to fetch.
    qw(--disable-background-networking --disable-sync --disable-component-update --disable-default-apps),
    '--disable-extensions',
);

sub new ($class, $w) { return bless { w => $w, n => 0 }, $class }

# Opens a page.  The browser's messages go to @DIR@/browser.out.
sub show ($self, $url, @more) {
    $self->end;
    my $dir = $self->{w}->dir;
    my $home = $self->{home} = "$dir/browser." . ++$self->{n};
    mkdir $home or die "$home: $!";
    my @cmd = (program() // die("chromium is not installed\n"), @flags, @more, "--user-data-dir=$home/profile", $url);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        @ENV{qw(HOME TMPDIR XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR)} = ($home) x 5;
        delete @ENV{qw(DISPLAY WAYLAND_DISPLAY)};
        $ENV{DBUS_SESSION_BUS_ADDRESS} = 'disabled:';
        chdir $home;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/browser.out";
        open STDERR, '>&', \*STDOUT;
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }
    $self->{w}{ups}{browser} = $pid;    # ended with the test's servers, however it ends
    return $self;
}

# Ends it and all its processes, and waits until none of them writes any more.
sub end ($self) {
    my $group = $self->{w}{ups}{browser} or return;
    $self->{w}->stop_upstream('browser');
    Weir::until_true(sub { !_lives($group, $self->{home}) }, 10);
    return;
}

# Whether a process of the group does, or the one that watches for its crashes: that has a group of its own.
sub _lives ($group, $home) {
    for my $proc (glob '/proc/[0-9]*') {
        my ($state, $of) = Weir::_slurp("$proc/stat") =~ /\) (\S) \d+ (\d+) / or next;
        next if $state =~ /[ZX]/;
        return 1 if $of == $group || index(Weir::_slurp("$proc/cmdline"), $home) >= 0;
    }
    return 0;
}

# The last of what it said, for a test that failed.
sub said ($self) {
    my @lines = grep { !m{/dbus/|dbus/} } split /\n/, $self->{w}->peer_out('browser');
    splice @lines, 0, -20 if @lines > 20;
    return join "\n", @lines;
}

1;
