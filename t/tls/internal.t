# tls = internal: weir's own authority; what it signs is good for who trusts it.
use v5.36;
use Test::More;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my $conf = <<"INI";
[weir]
acme.store = $dir/store

[server *]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = internal
/* = status:200 any

[server a.test *.b.test 127.0.0.2]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = internal
/* = status:200 named
INI
$w->configure($conf);
my ($exit, $said) = $w->command('-t');
is($exit, 0, '-t is content') or diag($said);
ok(!-e "$dir/store", '... and makes nothing');
$w->start;
my $port = $w->port;
is((stat "$dir/store")[2] & 0777, 0700, 'a store that is nobody else\'s');
is((stat "$dir/store/internal/ca.key")[2] & 0777, 0600, '... with a key that nobody else reads');
($exit, my $ca) = $w->ctl('ca');
is($exit, 0, 'weirctl ca');
like($ca, qr/^-----BEGIN CERTIFICATE-----\n.*-----END CERTIFICATE-----\n\z/s, '... prints a certificate');
$w->write_file('root.pem', $ca);

sub trusted ($host, $body, $what) {
    is($w->curl('--cacert', "$dir/root.pem", '--resolve', "$host:$port:127.0.0.1", "https://$host:$port/"), $body, $what);
}
trusted('localhost', 'any', 'localhost, by the *');
trusted('127.0.0.1', 'any', 'an address');
is($w->curl('--cacert', "$dir/root.pem", '--connect-to', "::127.0.0.1:$port", "https://[::1]:$port/"), 'any', 'an address of IPv6');
trusted('a.test', 'named', 'a name');
trusted('x.b.test', 'named', 'a name of a wildcard');
my @before = map { serial_of(s_client($port, servername => $_)) } 'localhost', 'a.test';
is(scalar $w->reload, 0, 'a reload');
is_deeply([ map { serial_of(s_client($port, servername => $_)) } 'localhost', 'a.test' ], \@before, '... makes nothing anew');
is($w->stop, 0, 'a stop');
unlink "$dir/store/internal/servers/a.test.crt";
$w->start;
is(serial_of(s_client($port, servername => 'localhost')), $before[0], 'a start finds what is there');
isnt(serial_of(s_client($port, servername => 'a.test')), $before[1], '... and makes what is not');
trusted('a.test', 'named', '... by the same authority');

$w->configure("[server *]\nlisten = 127.0.0.1:\@PORT:plain\@\ntls = off\n/* = status:200 yes\n");
is(scalar $w->reload, 0, 'without tls = internal');
ok(until_true(sub { ($w->ctl('ca'))[0] == 1 }), 'weirctl ca has nothing to print');
unlike($w->error_log, qr/^\S+ error /m, 'no error line, also of workers that end with certificates that are not named any more');
$w->finish;
done_testing;
