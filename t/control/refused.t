# Who runs as weir's workers do is sent away, even where the socket's group
# would let them in: a worker that was broken into would be one.
use v5.36;
use Test::More;
use Weir;

plan skip_all => 'needs root' if $>;
my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
my $group = getgrgid $gid;
my $w = Weir->new(conf => <<"INI");
[weir]
user = nobody
[server *]
listen = 127.0.0.1:\@PORT:http\@
tls = off
/* = status:204
[control]
group = $group
INI

# weirctl as another user of that group.
sub as ($user, @words) {
    my $ctl = Weir::ctl_bin();
    my $copy = $w->dir . '/weirctl';    # where anybody may execute it
    system 'cp', $ctl, $copy unless -e $copy;
    return $w->_run('/usr/bin/setpriv', "--reuid=$user", "--regid=$gid", '--clear-groups', $copy, '-s', $w->control, @words);
}

my ($code, $out) = as($uid, 'version');
is($code, 1, 'the user that workers run as is refused');
like($out, qr/may not use the control socket/, 'and told');
ok($w->wait_log(qr/ warn .*control socket: refused uid=$uid pid=\d+/), 'it is logged');
is((as($uid, 'down', 'app/one'))[0], 1, 'for changes as well');
is((as(1, 'version'))[0], 0, 'another member of the group is not');
is((as(0, 'version'))[0], 0, 'nor root');
is($w->reload(conf => "[weir]\nuser = nobody\n[server *]\nlisten = 127.0.0.1:\@PORT:http\@\ntls = off\n/* = status:204\n"), 0, 'without a group');
($code, $out) = as(1, 'version');
is($code, 1, 'nobody else gets in');
like($out, qr/cannot connect .*: Permission denied$/, 'by its mode');

done_testing;
