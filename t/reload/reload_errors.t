# A reload that cannot be done changes nothing: the verdict says why, with
# FILE:LINE, and the old generation goes on with the same processes.
use v5.36;
use Test::More;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(sleep);
use Weir;

my $conf = <<'INI';
[weir]
workers = 2
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(conf => $conf, upstream => { app => 'echo' });
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $w->port('taken'), Listen => 1) or die $!;
my $unix = IO::Socket::UNIX->new(Local => $w->dir . '/taken.sock', Listen => 1) or die $!;
$w->write_file('hard', "x\n");
link $w->dir . '/hard', $w->dir . '/hard2';
symlink $w->dir . '/elsewhere', $w->dir . '/soft';
mkdir $w->dir . '/open';
chmod 0777, $w->dir . '/open';

my @workers = $w->workers;
my $keeper = $w->keeper;
my $file = $w->conf_file;

sub refused ($what, $text, @why) {
    my ($code, $out) = $w->reload(conf => $text);
    is($code, 1, "$what: 1");
    like($out, $_, "$what: says why") for @why;
    is_deeply([ $w->workers ], \@workers, "$what: the same workers");
    is($w->get('/')->status, 200, "$what: that serve");
}
my $log = sub ($path) { "$conf\n[log a]\npath = $path\n[defaults]\naccess_log = a\n" };

refused('syntax', "$conf\nnonsense\n", qr/^\Q$file\E:\d+: error: /m);
refused('two errors', $conf =~ s/workers = 2/workers = many\ndrian = 3s/r, qr/:\d+: error: .*many/, qr/drian.*did you mean "drain"/);
refused('an unknown upstream', $conf =~ s/127\.0\.0\.1:\@UPSTREAM:app\@/nosuch/r, qr/error: .*nosuch/);
refused('a port that is taken', $conf =~ s/listen = .*/$& , 127.0.0.1:\@PORT:taken\@/r, qr/:\d+: error: cannot listen on 127\.0\.0\.1:\d+: Address already in use/);
refused('an address that is not here', $conf =~ s/listen = .*/listen = 192.0.2.1:80/r, qr/:\d+: error: cannot listen on 192\.0\.2\.1:80: /);
refused('a socket that somebody listens on', $conf =~ s/listen = .*/$&, unix:\@SOCK:taken\@/r, qr/cannot listen on unix:.*taken\.sock: Address already in use/);
ok(-S $w->dir . '/taken.sock', 'which is still there');
refused('a log in no directory', $log->('@DIR@/no/such/access.log'), qr/:\d+: error: cannot open the log .*its directory does not exist/);
refused('a log that is a link', $log->('@DIR@/soft'), qr/cannot open the log .*symbolic link/);
refused('a log with two names', $log->('@DIR@/hard'), qr/cannot open the log .*hard link/);
refused('a log where everybody writes', $log->('@DIR@/open/access.log'), qr/cannot open the log .*writable by everybody/);
refused('a log that is a directory', $log->('@DIR@/open'), qr/cannot open the log /);
refused('an error log that cannot be', $conf =~ s/workers/error_log = \@DIR\@\/no\/such\nworkers/r, qr/:\d+: error: cannot open the error log/);
refused('a user that is not', $conf =~ s/workers/user = no-such-user\nworkers/r, qr/no-such-user/) if $> == 0;
ok(!-e $w->dir . '/elsewhere', 'nothing was written through the link');

unlink $file;
my ($code, $out) = $w->command('-s', 'reload');
isnt($code, 0, 'no configuration file: not 0');
$w->configure($conf);
is($w->keeper, $keeper, 'the same keeper, all the time');
like($w->error_log, qr/ error .*reload failed/, 'the error log tells too');

is(scalar $w->reload, 0, 'a good one is taken then');
isnt(join(' ', $w->workers), "@workers", 'by new workers');
is($w->get('/')->status, 200, 'that serve');

# The same at a start: exit 1 and the reason, nothing left behind.
for my $case ([ 'a taken port', $conf =~ s/listen = .*/listen = 127.0.0.1:\@PORT:taken\@/r, qr/Address already in use/ ],
    [ 'syntax', "$conf\nnonsense\n", qr/:\d+: error: / ]) {
    my ($what, $text, $why) = @$case;
    my $v = Weir->new(conf => $w->fill($text), upstream => { app => 'echo' }, start => 0);
    for my $detach ([], ['-d']) {
        my ($code, $out) = $v->command(@$detach);
        is($code, 1, "a start with $what (@$detach): 1");
        like($out, $why, 'and why');
        ok(!-e $v->dir . '/weir.pid', 'no pid file is left');
    }
    is(($v->command('-t'))[0], $what eq 'syntax' ? 1 : 0, '-t binds nothing');
}

# Another weir with the same pid file does not start, and does not disturb the first.
($code, $out) = $w->command();
is($code, 1, 'a second weir: 1');
is($w->get('/')->status, 200, 'the first one serves');
is(scalar $w->reload, 0, 'and can be told to reload');

done_testing;
