# The harness: weir with a directory and ports of its own, scripted upstreams
# behind it, raw clients before it.  A test that uses it fails on any alert
# line, sanitizer report, leaked request, unannounced death of a process or
# exit code other than 0, whatever else it asserts.
#
#   use Weir;
#   my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
#   [server *]
#   listen = 127.0.0.1:@PORT:http@
#   /* = 127.0.0.1:@UPSTREAM:app@
#   INI
#   is $w->get('/x')->status, 200;
#   done_testing;
#
# Weir->new: conf => TEXT (templates: @PORT:name@ @UPSTREAM:name@ @DIR@ @SOCK:name@),
#   upstream => { NAME => SCRIPT }, log => 'json'|'combined' (an access log at
#   @DIR@/access.log for every route), files => { NAME => TEXT } (written into @DIR@),
#   start => 0 (do not start yet), args => [..], env => {..}, raw_conf => 1 (add no keys),
#   bare => 1 (no configuration file: args say all).
# SCRIPT: sub ($c) { .. } run once a connection with a Weir::Upstream, or 'echo', or
#   [kind => options]: echo, fixed, raw, sized, slow, events, websocket (Weir/Upstream.pm).
package Weir;

use v5.36;
use Carp ();
use Cwd ();
use Fcntl qw(LOCK_EX LOCK_NB O_RDWR O_CREAT);
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Scalar::Util ();
use Socket qw(SOCK_DGRAM SOCK_STREAM SOL_SOCKET SO_RCVBUF SO_SNDBUF SO_REUSEADDR AF_INET pack_sockaddr_in inet_aton);
use Test::More ();
use Time::HiRes qw(time sleep);
use Weir::Message;
use Weir::Stream;
use Weir::Upstream;

use Exporter 'import';
our @EXPORT = qw(scale slow pattern until_true elapsed);

my %all;                      # instances that END looks after
my $main = $$;                # forked children are not the test
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$SIG{ALRM} = sub { Test::More::diag('the test took too long'); exit 1 };
my @locks;                    # ports are ours as long as these are open

# ------------------------------------------------------------------ values

sub bin () { state $b = Cwd::abs_path($ENV{WR_BIN} || 'build/weir') // ($ENV{WR_BIN} || 'build/weir') }

sub ctl_bin () { state $c = Cwd::abs_path(($ENV{WR_BUILD} || 'build') . '/weirctl') }

# How much slower than a plain build things may be: WR_SLOW, else 4 for a sanitizer build.
sub slow () {
    state $slow = $ENV{WR_SLOW} // do {
        my $asan = 0;
        if (open my $fh, '<:raw', bin()) {
            my $tail = '';
            while (read $fh, my $buf, 1 << 20) {
                $asan = 1, last if index($tail . $buf, '__asan_init') >= 0 || index($tail . $buf, '__ubsan_handle') >= 0;
                $tail = substr $buf, -16;
            }
        }
        $asan ? 4 : 1;
    };
    return $slow;
}

# The first in `make check`, the second in `make check-long`.
sub scale ($short, $long) { $ENV{WR_LONG} ? $long : $short }

# n bytes that show where a piece is missing, doubled or moved.
sub pattern ($n) {
    state $block = join '', map { sprintf "%015d\n", $_ } 0 .. 4095;
    return substr $block x (1 + $n / length $block), 0, $n;
}

# Asks again and again until fn is true or the seconds are over; returns what fn returned.
sub until_true ($fn, $seconds = 10) {
    my $until = time + $seconds * slow();
    while (1) {
        my $got = $fn->();
        return $got if $got || time > $until;
        sleep 0.005;
    }
}

# Runs fn; how many seconds it took.
sub elapsed ($fn) { my $t = time; $fn->(); return time - $t }

# A port below the ephemeral range that no other test has.
sub free_port () {
    my $dir = "/tmp/weir-test-ports.$<";
    mkdir $dir, 0755;
    my ($low, $count) = (16000, 14000);
    my $at = int rand $count;
    for my $try (1 .. $count) {
        my $port = $low + ($at + $try) % $count;
        sysopen my $fh, "$dir/$port", O_RDWR | O_CREAT or die "$dir/$port: $!";
        flock $fh, LOCK_EX | LOCK_NB or next;
        socket my $s, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
        setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
        bind $s, pack_sockaddr_in($port, inet_aton('0.0.0.0')) or next;
        push @locks, $fh;
        return $port;
    }
    die "no port is free\n";
}

# ------------------------------------------------------------------ making one

sub new ($class, %o) {
    my $dir = File::Temp::tempdir('weir-t-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;
    alarm(($ENV{WR_LONG} ? 1800 : 240) * slow());
    my $self = bless { dir => $dir, o => \%o, port => {}, order => [], upport => {}, ups => {}, streams => [], deaths => 0,
        allowed => [], problems => [] }, $class;
    $all{$self} = $self;
    for my $name (sort keys %{ $o{files} // {} }) { $self->write_file($name, $o{files}{$name}) }
    $self->upstream($_ => $o{upstream}{$_}) for sort keys %{ $o{upstream} // {} };
    $self->configure($o{conf}) if defined $o{conf};
    $self->start unless defined $o{start} && !$o{start};
    return $self;
}

sub dir ($self) { $self->{dir} }
sub conf_file ($self) { "$self->{dir}/weir.ini" }

# Fills the templates of a text.
sub fill ($self, $text) {
    $text =~ s/\@PORT:([\w-]+)\@/$self->port($1)/ge;
    $text =~ s/\@UPSTREAM:([\w-]+)\@/$self->upstream_port($1)/ge;
    $text =~ s/\@SOCK:([\w-]+)\@/$self->{dir}\/$1.sock/g;
    $text =~ s/\@DIR\@/$self->{dir}/g;
    return $text;
}

sub write_file ($self, $name, $text) {
    my $path = $name =~ m{^/} ? $name : "$self->{dir}/$name";
    open my $fh, '>:raw', "$path.new" or die "$path: $!";
    print $fh $self->fill($text);
    CORE::close $fh;
    rename "$path.new", $path or die "$path: $!";
    return $path;
}

# Writes the configuration, with the keys that a test needs.
sub configure ($self, $text) {
    unless ($self->{o}{raw_conf}) {
        my $has = sub ($key) { $text =~ /^\Q$key\E[ \t]*=/m };
        my $add = '';
        $add .= "pid = $self->{dir}/weir.pid\n" unless $has->('pid');
        $add .= "error_log = $self->{dir}/error.log info\n" unless $has->('error_log');
        $add .= "workers = 1\n" unless $has->('workers');
        $add .= "user = nobody\n" unless $has->('user') || $>;
        $text =~ s/^(\[weir\][ \t]*\n)/$1$add/m or $text .= "\n[weir]\n$add";
        if (my $format = $self->{o}{log}) {
            $text =~ s/^(\[defaults\][ \t]*\n)/$1access_log = access\n/m or $text .= "\n[defaults]\naccess_log = access\n";
            $text .= "\n[log access]\npath = $self->{dir}/access.log\nformat = $format\n";
        }
    }
    return $self->write_file('weir.ini', $text);
}

# ------------------------------------------------------------------ ports and addresses

sub port ($self, $name = $self->_first_port) {
    $self->{port}{$name} //= do { push @{ $self->{order} }, $name; free_port() };
}
sub _first_port ($self) { $self->{port}{http} ? 'http' : $self->{order}[0] // 'http' }
sub upstream_port ($self, $name) { $self->{upport}{$name} //= free_port() }

sub url ($self, $path = '/', $port = undef) { "http://127.0.0.1:" . ($port ? $self->port($port) : $self->port) . $path }

# ------------------------------------------------------------------ life

sub start ($self) {
    die "already running\n" if $self->{pid};
    my $o = $self->{o};
    my $notify = $o->{env}{NOTIFY_SOCKET};
    if (!$notify) {
        $notify = "$self->{dir}/notify.sock";
        unlink $notify;
        $self->{notify} = IO::Socket::UNIX->new(Local => $notify, Type => SOCK_DGRAM) or die "$notify: $!";
        chmod 0777, $notify;
    }
    $self->{notes_seen} = [];
    my @cmd = (bin(), $o->{bare} ? () : ('-c', $self->conf_file), map { $self->fill($_) } @{ $o->{args} // [] });
    unshift @cmd, map { $self->fill($_) } @{ $o->{wrap} } if $o->{wrap};    # a program that ends by running the rest
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(PIPE CHLD INT TERM HUP QUIT);
        $self->_child_env($notify);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/out" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        chdir $self->{dir};
        no warnings 'exec';
        exec { $cmd[0] } @cmd;
        print STDERR "cannot run $cmd[0]: $!\n";
        POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    delete $self->{exit};
    return $self if $o->{no_wait};
    $self->_wait_ready;
    return $self;
}

sub _child_env ($self, $notify) {
    my $o = $self->{o};
    $ENV{NOTIFY_SOCKET} = $notify;
    $ENV{ASAN_OPTIONS} //= 'detect_leaks=0:abort_on_error=0:exitcode=99';
    $ENV{UBSAN_OPTIONS} //= 'print_stacktrace=1:halt_on_error=1:exitcode=99';
    for my $name (keys %{ $o->{env} // {} }) {
        if (defined $o->{env}{$name}) { $ENV{$name} = $o->{env}{$name} }
        else { delete $ENV{$name} }
    }
}

sub _wait_ready ($self) {
    my $until = time + 10 * slow();
    my $own = !$self->{o}{env}{NOTIFY_SOCKET};
    while (time < $until) {
        return if $own && grep { /^READY=1$/m } $self->notified;
        return if !$own && $self->_connects;
        if (!$self->alive) {
            Carp::croak("weir did not start (exit $self->{exit}):\n" . $self->out . $self->error_log);
        }
        sleep 0.003;
    }
    Carp::croak("weir does not serve after " . 10 * slow() . " s:\n" . $self->out . $self->error_log);
}

sub _connects ($self) {
    my $port = $self->port;
    return !!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
}

# What weir told NOTIFY_SOCKET so far, a message an element.
sub notified ($self) {
    my $s = $self->{notify} or return;
    $s->blocking(0);
    while (defined recv $s, my $m, 4096, 0) { push @{ $self->{notes_seen} }, $m }
    return @{ $self->{notes_seen} };
}

sub pid ($self) { $self->{pid} }

# Whether the process that was started still runs; its exit status is in $w->exit_status otherwise.
sub alive ($self) {
    return 0 unless $self->{pid};
    if (waitpid($self->{pid}, POSIX::WNOHANG) == $self->{pid}) {
        $self->{exit} = $? & 127 ? "signal " . ($? & 127) : $? >> 8;
        $self->{pid} = 0;
        return 0;
    }
    return 1;
}
sub exit_status ($self) { $self->{exit} }

sub signal ($self, $sig, $pid = $self->{pid}) { kill $sig, $pid if $pid; return $self }

# Ends it (TERM at once, QUIT gracefully) and returns the exit status.
sub stop ($self, $sig = 'TERM', %o) {
    return $self->{exit} unless $self->alive;
    $self->signal($sig);
    return $self->wait_exit(%o);
}

sub wait_exit ($self, %o) {
    my $until = time + ($o{timeout} // 15) * slow();
    while ($self->alive) {
        if (time > $until) {
            $self->problem("weir did not end in time and was killed");
            kill 'KILL', $_ for $self->{pid}, $self->children;
            until_true(sub { !$self->alive }, 5);
            last;
        }
        sleep 0.003;
    }
    return $self->{exit};
}

# `weir -s WORD`; returns (exit status, output).
sub command ($self, @args) { $self->run('-c', $self->conf_file, @args) }

# weirctl with these words, at the socket beside the pid file (or -s PATH); returns (exit status, output and
# errors together).
sub ctl ($self, @words) {
    unshift @words, '-s', $self->control unless @words && $words[0] eq '-s';
    return $self->_run(ctl_bin(), @words);
}
sub control ($self) { "$self->{dir}/weir.sock" }
# A command's JSON, decoded; dies when it fails.
sub ctl_json ($self, @words) {
    my ($code, $out) = $self->ctl(@words, '--json');
    die "weirctl @words --json: exit $code: $out\n" if $code;
    return JSON::PP->new->utf8->decode($out);
}

# Runs the binary with arguments; returns (exit status, output and errors together).
sub run ($self, @args) { $self->_run(bin(), @args) }

sub _run ($self, $program, @args) {
    my $pid = open my $fh, '-|';
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(PIPE CHLD);
        $self->_child_env('');
        delete $ENV{NOTIFY_SOCKET};
        open STDERR, '>&', \*STDOUT;
        exec { $program } $program, @args or POSIX::_exit(127);
    }
    my $out = do { local $/; readline $fh };
    CORE::close $fh;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $out // '');
}

# Puts a configuration into effect (conf => TEXT, else the file as it is) by `-s reload`, which waits for the
# verdict; (exit status, output) or only the status.
sub reload ($self, %o) {
    $self->configure($o{conf}) if defined $o{conf};
    my ($code, $out) = $self->command('-s', 'reload');
    return wantarray ? ($code, $out) : $code;
}

# ------------------------------------------------------------------ processes

# Children of the master: [pid, title], from /proc.
sub children ($self, %o) {
    my $parent = $o{of} // $self->{pid} || return;
    my @found;
    opendir my $proc, '/proc' or return;
    for my $pid (grep { /^\d+$/ } readdir $proc) {
        open my $fh, '<', "/proc/$pid/stat" or next;
        my $stat = readline($fh) // next;
        my ($state, $ppid) = $stat =~ /\) (\S) (\d+)/ or next;
        push @found, $pid if $ppid == $parent && $state !~ /[ZX]/;
    }
    return sort { $a <=> $b } @found;
}

sub title ($self, $pid) { _slurp("/proc/$pid/comm") =~ s/\n//r }

sub workers ($self, %o) { grep { $self->title($_) eq 'weir-worker' } $self->children(%o) }
sub keeper ($self, %o) { (grep { $self->title($_) eq 'weir-keeper' } $self->children(%o))[0] }

# Pss of a process in KiB, or one of its other figures (Private_Dirty, Rss...).
sub pss ($self, $pid, $what = 'Pss') {
    open my $fh, '<', "/proc/$pid/smaps_rollup" or return;
    while (<$fh>) { return $1 if /^\Q$what\E:\s+(\d+) kB/ }
    return;
}

# ------------------------------------------------------------------ logs

sub _slurp ($path) {
    open my $fh, '<:raw', $path or return '';
    local $/;
    return readline($fh) // '';
}

sub error_log ($self) { _slurp("$self->{dir}/error.log") }
sub out ($self) { _slurp("$self->{dir}/out") }
# The lines of the access log.
sub access_log ($self, $name = 'access.log') { split /\n/, _slurp("$self->{dir}/$name") }

# Waits until the error log matches; returns what matched (the line).
sub wait_log ($self, $re, $seconds = 10) {
    return until_true(sub { (grep { /$re/ } split /\n/, $self->error_log)[0] }, $seconds);
}

# Waits until the access log has n lines (or one that matches); returns the lines (that line).
sub wait_access ($self, $what, $seconds = 10) {
    return until_true(sub { (grep { /$what/ } $self->access_log)[0] }, $seconds) if ref $what;
    until_true(sub { my @l = $self->access_log; @l >= $what }, $seconds);
    return $self->access_log;
}

# The access log as decoded JSON lines; n: waits for so many.
sub access ($self, $n = 0) {
    my @lines = $n ? $self->wait_access($n) : $self->access_log;
    return map { JSON::PP->new->utf8->decode($_) } @lines;
}

# Ends weir, so that everything is written, and tells by request target what became of each request (the last
# of a target): { target => { status, reason, ... } }.  Needs log => 'json'.
sub ended_requests ($self) {
    $self->stop;
    my %by = map { $_->{request_uri} => $_ } $self->access;
    return \%by;
}

# ------------------------------------------------------------------ clients

# A connection: port => NAME (or to => '127.0.0.1:80', unix => PATH), from => ADDRESS, rcvbuf/sndbuf => BYTES,
# timeout => SECONDS.  undef when refused.
sub conn ($self, %o) {
    my $s;
    if ($o{unix}) { $s = IO::Socket::UNIX->new(Peer => $o{unix}) or return undef }
    else {
        my ($host, $port) = $o{to} ? $o{to} =~ /^(.*):(\d+)$/ : ('127.0.0.1', $o{port} ? $self->port($o{port}) : $self->port);
        socket $s, AF_INET, SOCK_STREAM, 0 or die "socket: $!";
        bless $s, 'IO::Socket::INET';
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, $o{rcvbuf} if $o{rcvbuf};
        setsockopt $s, SOL_SOCKET, SO_SNDBUF, $o{sndbuf} if $o{sndbuf};
        if ($o{from}) { bind $s, pack_sockaddr_in(0, inet_aton($o{from})) or die "bind $o{from}: $!" }
        $s->blocking(1);
        connect $s, pack_sockaddr_in($port, inet_aton($host)) or return undef;
    }
    my $c = Weir::Stream->new($s, timeout => ($o{timeout} // 10) * slow());
    push @{ $self->{streams} }, $c;
    Scalar::Util::weaken($self->{streams}[-1]);
    return $c;
}

# Sends bytes on a new connection and returns all that comes back until it is closed or time is over.
sub raw ($self, $bytes, %o) {
    my $c = $self->conn(%o) or return '';
    $c->send($bytes);
    $c->shutdown_write if $o{half_close};
    my $got = $c->recv_until_close(timeout => ($o{timeout} // 5) * slow());
    $c->close;
    return $got;
}

# The text of a request: method, host, fields => [name, value, ...], body, version, close => 1.
sub request_text ($self, $path = '/', %o) {
    my $method = $o{method} // (defined $o{body} ? 'POST' : 'GET');
    my @fields = @{ $o{fields} // [] };
    my $text = "$method $path HTTP/" . ($o{version} // '1.1') . "\r\n";
    $text .= "Host: " . ($o{host} // 'localhost') . "\r\n" unless exists $o{host} && !defined $o{host};
    $text .= "Connection: close\r\n" if $o{close};
    while (my ($name, $value) = splice @fields, 0, 2) { $text .= "$name: $value\r\n" }
    $text .= "Content-Length: " . length($o{body}) . "\r\n" if defined $o{body} && !grep { /^(?:content-length|transfer-encoding)$/i } @{ $o{fields} // [] };
    return "$text\r\n" . ($o{body} // '');
}

# One request on a connection of its own (or on => CONN); the response as a Weir::Message.  Without an answer:
# a message with status '' and ended.
sub get ($self, $path = '/', %o) {
    my $c = $o{on} // $self->conn(%o);
    return bless({ status => '', ended => 'refused', fields => [], body => '' }, 'Weir::Message') unless $c;
    my $text = $self->request_text($path, close => !$o{on}, %o);
    $c->send($text);
    my $m = $c->recv_response(method => $o{method} // 'GET', $o{timeout} ? (timeout => $o{timeout} * slow()) : ());
    $m //= bless { status => '', ended => $c->_why, fields => [], body => $c->{in} }, 'Weir::Message';
    $c->close unless $o{on};
    return $m;
}

# As get, with the body decoded from JSON (an echo upstream's): a hash.
sub get_json ($self, $path = '/', %o) {
    my $m = $self->get($path, %o);
    my $d = eval { JSON::PP->new->latin1->decode($m->body) } // { error => "$m->{status} $m->{body}" };
    $d->{response} = $m;
    return $d;
}

# The values of a field in an echoed request.
sub echoed ($d, $name) { map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $d->{fields} // [] } }

# Runs curl with arguments; its standard output ($? is its exit status).
sub curl ($self, @args) {
    my $pid = open my $fh, '-|';
    if (!$pid) { exec 'curl', '-sS', '--max-time', 20 * slow(), '--noproxy', '*', @args or POSIX::_exit(127) }
    my $out = do { local $/; readline $fh };
    CORE::close $fh;
    $? >>= 8;
    return $out // '';
}

# ------------------------------------------------------------------ upstreams

# Starts one (or starts it again); unix => PATH, backlog => N, record => BYTES a connection, timeout => SECONDS.
sub upstream ($self, $name, $script, %o) {
    $self->stop_upstream($name) if $self->{ups}{$name};
    $script = [$script] unless ref $script;
    my $pid = Weir::Upstream->start(
        name => $name, script => $script, dir => "$self->{dir}/got.$name", test_dir => $self->{dir},
        port => $o{unix} ? 0 : $self->upstream_port($name), %o, timeout => ($o{timeout} // 30) * slow(),
    );
    $self->{ups}{$name} = $pid;
    return $self;
}

# Ends it and all its connections.
sub stop_upstream ($self, $name) {
    my $pid = delete $self->{ups}{$name} or return;
    kill 'KILL', -$pid, $pid;
    waitpid $pid, 0;
    return $self;
}

# An upstream that never completes a connection: its queue is full.
sub deaf_upstream ($self, $name) {
    my $port = $self->upstream_port($name);
    my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp', ReuseAddr => 1, Listen => 1) or die "listen: $!";
    my @fill;
    for (1 .. 8) {
        socket my $s, AF_INET, SOCK_STREAM, 0 or die;
        IO::Handle::blocking($s, 0);
        connect $s, pack_sockaddr_in($port, inet_aton('127.0.0.1'));
        push @fill, $s;
    }
    sleep 0.05;
    $self->{deaf}{$name} = [ $l, @fill ];
    return $self;
}

# How many connections it had.
sub upstream_conns ($self, $name) { my @f = glob "$self->{dir}/got.$name/*"; return scalar @f }
# The bytes of each connection.
sub upstream_raw ($self, $name) { map { _slurp($_) } sort glob "$self->{dir}/got.$name/*" }
# The requests that it received, connection by connection, as Weir::Message (raw, conn besides).
sub upstream_got ($self, $name) {
    my ($n, @found) = 0;
    for my $bytes ($self->upstream_raw($name)) {
        $n++;
        push @found, map { $_->{conn} = $n; $_ } Weir::Message->parse_requests($bytes);
    }
    return @found;
}

# Lets a script that waits in $c->wait_gate(name) go on.
sub open_gate ($self, $name) { open my $fh, '>', "$self->{dir}/gate.$name"; return $self }
# What scripts noted ("NAME NUMBER TEXT").
sub notes ($self) { split /\n/, _slurp("$self->{dir}/notes") }
sub wait_note ($self, $re, $seconds = 10) { until_true(sub { (grep { /$re/ } $self->notes)[0] }, $seconds) }

# A program of t/lib/NAME.c: as the build made it, or made here if that is missing or older.
sub tool ($self, $name) {
    my $src = "t/lib/$name.c";
    my $made = ($ENV{WR_BUILD} || 'build') . "/t/lib/$name";
    return Cwd::abs_path($made) if -x $made && (stat _)[9] >= (stat $src)[9];
    my $cache = "/tmp/weir-test-tools.$<";
    mkdir $cache, 0755;
    $made = "$cache/$name." . (stat $src)[9];
    unless (-x $made) {
        system($ENV{CC} || 'cc', '-O2', '-o', "$made.$$", $src) == 0 or die "cannot compile $src\n";
        rename "$made.$$", $made;
    }
    return $made;
}

# t/lib/origin.c as the upstream NAME: /1k /slow?ms= /events /ws /big?bytes= /drip...
sub origin ($self, $name, @args) {
    $self->stop_upstream($name) if $self->{ups}{$name};
    my $port = $self->upstream_port($name);
    my $tool = $self->tool('origin');
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{PIPE} = 'DEFAULT';
        open STDOUT, '>', "$self->{dir}/origin.$name.out";
        exec $tool, '-p', $port, @args or POSIX::_exit(127);
    }
    $self->{ups}{$name} = $pid;
    until_true(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }) or die "origin does not listen\n";
    return $self;
}

# Another program beside weir (a server to stand behind it), in @DIR@, ended with the test.
sub peer ($self, $name, @cmd) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{PIPE} = 'DEFAULT';
        chdir $self->{dir};
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/$name.out";
        open STDERR, '>&', \*STDOUT;
        exec { $cmd[0] } map { $self->fill($_) } @cmd or POSIX::_exit(127);
    }
    $self->{ups}{$name} = $pid;
    return $self;
}

# What a peer printed so far.
sub peer_out ($self, $name) { _slurp("$self->{dir}/$name.out") }

# Waits until the upstream NAME accepts connections; false when it never does.
sub upstream_listens ($self, $name) {
    my $port = $self->upstream_port($name);
    return until_true(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }, 20);
}

# nginx as the upstream NAME, with these directives for its server.
sub nginx ($self, $name, $server) {
    $self->write_file("$name.conf", <<"END");
daemon off; master_process off; worker_processes 1; pid \@DIR\@/$name.pid; error_log \@DIR\@/$name.log error;
events { worker_connections 256; }
http { access_log off; types { text/html html; text/css css; text/javascript js; application/json json; }
client_body_temp_path \@DIR\@/$name.1; proxy_temp_path \@DIR\@/$name.2; fastcgi_temp_path \@DIR\@/$name.3;
uwsgi_temp_path \@DIR\@/$name.4; scgi_temp_path \@DIR\@/$name.5;
server { listen 127.0.0.1:\@UPSTREAM:$name\@; $server } }
END
    my ($program) = grep { -x } '/usr/sbin/nginx', map { "$_/nginx" } split /:/, $ENV{PATH};
    $self->peer($name => $program // 'nginx', '-p', $self->dir, '-c', $self->dir . "/$name.conf", '-e', $self->dir . "/$name.log");
    $self->upstream_listens($name) or die "nginx does not start\n";
    return $self;
}

# Python's http.server as the upstream NAME, serving a directory of the test.
sub http_server ($self, $name, $dir) {
    $self->peer($name => qw(python3 -u -m http.server), $self->upstream_port($name), qw(--bind 127.0.0.1 -d), $self->dir . "/$dir");
    $self->upstream_listens($name) or die "http.server does not start\n";
    return $self;
}

# Runs t/lib/storm.c; its report as a hash.
sub storm ($self, @args) { return $self->storm_end($self->storm_start(@args)) }

# Starts one; a handle for storming (whether it still runs) and storm_end (its report).
sub storm_start ($self, @args) {
    my $tool = $self->tool('storm');
    my $pid = open my $fh, '-|';
    if (!$pid) { exec $tool, @args or POSIX::_exit(127) }
    push @{ $self->{storms} }, $pid;
    return { pid => $pid, fh => $fh };
}

sub storming ($self, $storm) {
    vec(my $bits = '', fileno $storm->{fh}, 1) = 1;
    return !select $bits, undef, undef, 0;
}

sub storm_end ($self, $storm) {
    my $fh = $storm->{fh};
    my $out = do { local $/; readline $fh } // '';
    CORE::close $fh;
    @{ $self->{storms} } = grep { $_ != $storm->{pid} } @{ $self->{storms} };
    return eval { JSON::PP->new->decode($out) } // { error => "storm said: $out" };
}

# ------------------------------------------------------------------ verdict

# The test fails for this reason, whatever it asserts.
sub problem ($self, $text) { push @{ $self->{problems} }, $text; return }
# n processes may die in this test.
sub expect_death ($self, $n = 1) { $self->{deaths} += $n; return $self }
# Alert lines that match are part of the test.
sub expect_alert ($self, $re) { push @{ $self->{allowed} }, $re; return $self }
# The exit status that is right here (preset 0).
sub expect_exit ($self, $code) { $self->{exit_ok} = $code; return $self }

sub _check_logs ($self) {
    my $log = $self->error_log . $self->out;
    my $died = 0;
    for my $line (split /\n/, $log) {
        if ($line =~ /^\S+ alert /) {
            $self->problem("alert line: $line") unless grep { $line =~ $_ } @{ $self->{allowed} };
        }
        $self->problem("sanitizer: $line") if $line =~ /ERROR: \w+Sanitizer|runtime error:/;
        $self->problem("leaked: $line") if $line =~ / leaked/;
        $died++ if $line =~ / (?:worker|keeper|process) died (?:signal|status)=/;
    }
    $self->problem("$died processes died, expected $self->{deaths}") if $died > $self->{deaths};
}

# Stops everything and judges; called by itself at the end of a test.
sub finish ($self) {
    return if $self->{finished}++;
    delete $all{$self};
    $_ && $_->close for @{ $self->{streams} };
    kill 'KILL', $_ for @{ $self->{storms} // [] };
    if ($self->alive) { $self->stop('TERM') }
    if (defined $self->{exit} && $self->{exit} ne ($self->{exit_ok} // 0)) { $self->problem("weir exited with $self->{exit}") }
    $self->stop_upstream($_) for keys %{ $self->{ups} };
    $self->_check_logs;
    my $bad = @{ $self->{problems} } || !Test::More->builder->is_passing;
    Test::More::diag("weir: $_") for @{ $self->{problems} };
    if ($bad || $ENV{KEEP}) {
        Test::More::diag("kept: $self->{dir}");
        my @lines = split /\n/, $self->out . $self->error_log;
        splice @lines, 0, -15 if @lines > 15;
        Test::More::diag($_) for @lines;
    }
    else { File::Path::remove_tree($self->{dir}, { safe => 0 }) }
    return @{ $self->{problems} } ? 0 : 1;
}

END {
    if ($$ == $main) {
        my $status = $?;
        my $bad = 0;
        for my $w (values %all) { $w->finish or $bad = 1 }
        $? = $status || ($bad ? 1 : 0);
    }
}

1;
