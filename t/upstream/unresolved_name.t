# A name that does not resolve at start stops nothing: its routes answer 503,
# the others serve, and it is used as soon as it resolves.
use v5.36;
use Test::More;
use Weir;

# weir gets an /etc/hosts of its own where a mount namespace may be made; elsewhere the name never resolves.
my @wrap = ('unshare', '-m', 'sh', '-c',
    'mount --make-rprivate / && mount --bind @DIR@/hosts /etc/hosts && mount --bind @DIR@/nsswitch /etc/nsswitch.conf && exec "$@"', 'sh');
unshift @wrap, 'unshare', '-r' if $>;
my $own = system("@wrap[0 .. ($> ? 3 : 1)] true 2>/dev/null") == 0;
my $name = $own ? 'late.weir.test' : 'late.weir.invalid';
my $w = Weir->new(log => 'json', ($own ? (wrap => \@wrap) : ()), upstream => { app => 'echo' }, conf => <<"INI" =~ s/~/@/gr,
[server *]
listen = 127.0.0.1:~PORT:http~
/* = $name:~UPSTREAM:app~
/known/* = 127.0.0.1:~UPSTREAM:app~
INI
    files => { hosts => "127.0.0.1 localhost\n", nsswitch => "hosts: files\npasswd: files\ngroup: files\n" });

is($w->get('/x', timeout => 60)->status, 503, 'its routes answer 503');
is($w->get('/known/')->status, 200, 'others serve');
like($w->wait_log(qr/\Q$name\E/) // '', qr/ warn /, 'a warning names it');

SKIP: {
    skip 'no mount namespace may be made here: the name cannot come to resolve', 2 unless $own;
    # Written in place: the file is mounted.
    open my $fh, '>', $w->dir . '/hosts' or die $!;
    print $fh "127.0.0.1 localhost late.weir.test\n";
    close $fh;
    my $m;
    ok(until_true(sub { ($m = $w->get('/x'))->status == 200 }, 20), 'it serves when the name resolves');
    is($w->ended_requests->{'/x'}{reason} // '', '', 'without a failure');
}
is(scalar(grep { $_->{reason} eq 'upstream_unresolved' } $w->access) > 0, 1, 'upstream_unresolved in the log before');
done_testing;
