# Every command of weirctl: what it answers, what it changes, how it exits, and
# what it says to whoever gets it wrong.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(upstream => { one => 'echo', two => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
/alone/* = 127.0.0.1:@UPSTREAM:one@
/sock/* = unix:@SOCK:none@
[upstream app]
server.one = 127.0.0.1:@UPSTREAM:one@
server.two = 127.0.0.1:@UPSTREAM:two@ weight=3
INI
my $alone = '127.0.0.1:' . $w->upstream_port('one');

# A server of `upstreams --json`.
sub server ($id) {
    my ($u, $s) = $id =~ m{^(app|127[^/]*)/(.*)} or die;
    for my $up (@{ $w->ctl_json('upstreams') }) {
        next unless $up->{name} eq $u;
        $_->{name} eq $s and return $_ for @{ $up->{servers} };
    }
    return {};
}

sub good ($like, @words) {
    my ($code, $out) = $w->ctl(@words);
    is($code, 0, "weirctl @words");
    like($out, $like, '... says so');
}

sub bad ($exit, $like, @words) {
    my ($code, $out) = $w->ctl(@words);
    is($code, $exit, "weirctl @words exits $exit");
    like($out, $like, '... and says why');
    return $out;
}

is($w->get('/')->status, 200) for 1 .. 3;

# Looking.
good(qr/^weir \d\S*, up \d+\w+, generation 1, master @{[ $w->pid ]}$/m, 'status');
good(qr/^\d+ +worker +@{[ $w->workers ]} +1 +serving +\d+ +3 /m, 'status');
good(qr/^app +2 +2$/m, 'status');
good(qr/^GENERATION .*\n1 +serving +1 +\d+ +\d+ +-$/, 'generations');
good(qr/^weir \d+\.\d+\.\d+$/, 'version');
good(qr{^app +2/2 up .*\napp/one +up +1 .* new\napp/two +up +3 }m, 'upstreams');
good(qr{^\Q$alone/$alone\E +up +1 }m, 'upstreams');
like((server('app/one'))->{since_ms}, qr/^\d{1,5}$/, 'a server is there since the start');
is($w->ctl_json('status')->{totals}{requests}, 3, 'requests are counted');

# Changing.
good(qr{^app/one: up -> draining \(by hand\)$}, 'drain', 'app/one');
is(server('app/one')->{state}, 'draining (by hand)', 'it is');
is(server('app/one')->{why}, 'by hand', 'and why');
ok(!server('app/one')->{up} && server('app/two')->{up}, 'it alone');
is((grep { $_->{name} eq 'app' } @{ $w->ctl_json('status')->{upstreams} })[0]{servers_up}, 1, 'status counts');
good(qr{^app/one: draining \(by hand\) -> down \(by hand\)$}, 'down', 'app/one');
good(qr{^app/one: down \(by hand\), as before$}, 'down', 'app/one');
good(qr{^app/two: up -> up, weight 7 \(by hand\)$}, 'weight', 'app/two', 7);
good(qr{^app/two +up +7 \(by hand\) .* by hand$}m, 'upstreams');
is(server('app/two')->{weight}, 7, 'the weight in JSON');
ok(server('app/two')->{hand_weight}, 'by hand');
good(qr{^app/one: down \(by hand\) -> up\n$}, 'ready', 'app/one');
good(qr{^app/two: up, weight 7 \(by hand\) -> up\n$}, 'ready', 'app/two');
is(server('app/two')->{weight}, 3, 'ready gives the configured weight back');
good(qr{^app/one: .*\napp/two: }, 'drain', 'app/*');
good(qr{^app/one: .*\napp/two: }, 'ready', 'app/*');
good(qr{^\Q$alone/$alone\E: up -> down}, 'down', "$alone/$alone");
my $sock = 'unix:' . $w->dir . '/none.sock';
good(qr{^\Q$sock/$sock\E: up -> draining}, 'drain', "$sock/$sock");

# Each change is in the log, with its author.
ok($w->wait_log(qr{ notice .* weirctl drain server=app/one before="up" after="draining \(by hand\)" by uid=$> pid=\d+}), 'drain is logged');
ok($w->wait_log(qr{ notice .* weirctl weight server=app/two before="up" after="up, weight 7 \(by hand\)" by uid=$> }), 'weight is logged');
unlike($w->error_log, qr/weirctl (?:status|upstreams)/, 'looking is not');

# What the master does.
rename $w->dir . '/error.log', $w->dir . '/error.1';
good(qr/^$/, 'reopen');
ok(until_true(sub { -e $w->dir . '/error.log' }), 'the log file is there again');
good(qr/generation 2 serves$/, 'reload');
good(qr/generation 3 serves$/, 'reload');
ok($w->wait_log(qr/weirctl reload .* by uid=$> pid=\d+/), 'it is logged');
$w->configure("[server *]\nlisten = 127.0.0.1:\@PORT:http\@\n/* = 127.0.0.1:\@UPSTREAM:one\@\nnonsense = 1\n");
bad(1, qr/weir\.ini:\d+: error: .*nonsense/, 'reload');
is($w->ctl_json('status')->{generation}, 3, 'the one that serves goes on');

# Getting it wrong.
for my $words ([qw(stauts)], [qw(drian app/one)], ['']) {
    my $out = bad(2, qr/no command/, @$words);
    like($out, qr/^$_\b/m, "... and lists $_") for qw(status upstreams drain weight reload);
}
like(bad(2, qr/no command "stauts"; did you mean "status"\?/, 'stauts'), qr/^weirctl: /, 'by its name');
bad(2, qr{word is missing\nusage: weirctl drain UPSTREAM/SERVER\n}, 'drain');
bad(2, qr{a word too many\nusage: weirctl status \[--json\]\n}, 'status', 'app');
bad(2, qr{named by UPSTREAM/SERVER\nusage: weirctl drain UPSTREAM/SERVER\n}, 'drain', 'app');
bad(2, qr{knows no --json\nusage: weirctl ready}, 'ready', 'app/one', '--json');
bad(2, qr{from 1 to 1000\nusage: weirctl weight UPSTREAM/SERVER N\n}, 'weight', 'app/one', $_) for 0, 1001, -1, 'x', '1.5';
bad(1, qr{no server "app/tow"; did you mean "app/two"\?}, 'drain', 'app/tow');
bad(1, qr{no server "bpp/zzz"$}, 'ready', 'bpp/zzz');
bad(1, qr{no server "app/"}, 'ready', 'app/');
bad(2, qr/too many words/, ('status') x 17);
bad(2, qr/line break/, "status\nreload");
bad(2, qr/longer than 4096/, 'drain', 'x' x 5000);
bad(2, qr/control byte/, "drain", "app/\x01");

# The program itself.
my ($code, $out) = $w->_run(Weir::ctl_bin());
is($code, 2, 'no command at all');
like($out, qr/^usage: weirctl .*^drain UPSTREAM\/SERVER /ms, '... prints the commands');
($code, $out) = $w->_run(Weir::ctl_bin(), 'help');
is($code, 0, 'help');
like($out, qr/^usage: weirctl .*^weight UPSTREAM\/SERVER N /ms, '... too');
($code, $out) = $w->_run(Weir::ctl_bin(), '--nonsense', 'status');
is($code, 2, 'an option that there is not');
($code, $out) = $w->_run(Weir::ctl_bin(), '-v');
like($out, qr/^weirctl \d/, '-v');
is($w->stop, 0, 'it ends well');
ok(!-e $w->control, 'and takes its socket along');
bad(1, qr/cannot connect to \S+weir\.sock: .*; is weir running\? \(its \[control\] socket\)/, 'status');

done_testing;
