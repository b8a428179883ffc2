# Certificates that change while weir runs are in use for the next handshakes,
# in every worker, without a reload; what cannot be used leaves the old ones.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my @pair  = Weir::Certs::make($dir, name => 'a', hosts => ['localhost'], subject => '/CN=first');
my @other = Weir::Certs::make($dir, name => 'b', hosts => ['b.example'], subject => '/CN=other');
$w->configure(<<"INI");
[weir]
workers = 3

[server localhost]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
/* = status:200 yes

[server b.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @other
/* = status:200 b
INI
$w->start;
my $port = $w->port;
my @workers = sort $w->workers;

sub shown ($name = 'localhost') { s_client($port, servername => $name) =~ /^subject=CN = (\S+)/m ? $1 : 'none' }
# Every worker: so many handshakes in a row that none was asked by chance alone.
sub all_show ($want, $what) {
    ok(until_true(sub { !grep { shown() ne $want } 1 .. 3 }), "$what: it is shown");
    is(scalar(grep { shown() eq $want } 1 .. 12), 12, '... by all workers');
}
sub move ($from, $to) { rename $from, $to or die "$from: $!" }
sub new_pair ($name, $subject) { return Weir::Certs::make($dir, name => $name, hosts => ['localhost'], subject => "/CN=$subject") }
sub errors { scalar grep { / error pid=/ } split /\n/, $w->error_log }

is(shown(), 'first', 'at first');
# A connection that goes on meanwhile.
pipe(my $go_read, my $go_write) or die;
my $pid = open(my $old, '-|') // die;
if (!$pid) {
    open STDIN, '<&', $go_read;
    exec 'timeout', '60', 'python3', '-c', <<'PY', $port or die;
import socket, ssl, sys
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
s = c.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))), server_hostname='localhost')
def ask():
    s.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return s.recv(4096).split(b' ')[1].decode()
print(ask(), flush=True)
for line in sys.stdin: print(ask(), flush=True)
PY
}
close $go_read;
$go_write->autoflush(1);
like(scalar readline($old), qr/^200/, 'a connection that is kept');

my ($cert, $key) = new_pair('n1', 'second');
move($key, $pair[1]);
move($cert, $pair[0]);
all_show('second', 'key and certificate by rename');
is(shown('b.example'), 'other', 'another server has what it had');

($cert, $key) = new_pair('n2', 'third');
for ([ $cert, $pair[0] ], [ $key, $pair[1] ]) {
    open my $in, '<', $_->[0] or die;
    open my $out, '+<', $_->[1] or die;
    local $/;
    print {$out} readline $in;
    truncate $out, tell $out;
}
all_show('third', 'written in place');

my $before = errors();
($cert, $key) = new_pair('n3', 'fourth');
move($cert, $pair[0]);
ok(until_true(sub { errors() > $before }), 'a certificate without its key: an error line');
like((grep { / error pid=/ } split /\n/, $w->error_log)[-1], qr/\Q$pair[0]\E/, '... that names it');
is(shown(), 'third', '... and the old pair stays');
move($key, $pair[1]);
all_show('fourth', 'its key comes');
is(errors(), $before + 1, 'one error line in all') or diag($w->error_log);

open my $fh, '>', $pair[0] or die;
print {$fh} "-----BEGIN CERTIFICATE-----\nrubbish\n";
close $fh;
ok(until_true(sub { errors() > $before + 1 }), 'half a file: an error line');
is(shown(), 'fourth', '... and the old one stays');
($cert, $key) = new_pair('n4', 'fifth');
move($key, $pair[1]);
move($cert, $pair[0]);
all_show('fifth', 'a good one again');
unlink $pair[0];
ok($w->wait_log(qr/\Q$pair[0]\E.*(?:gone|vanished|No such file)/), 'a file that is gone is told');
is(shown(), 'fifth', '... and stays in use');

print {$go_write} "again\n";
like(scalar readline($old), qr/^200/, 'the connection from before all that is served still');
close $go_write;
is_deeply([ sort $w->workers ], \@workers, 'the workers are those that were there');
unlike($w->error_log, qr/reloaded/, 'nothing was reloaded');
$w->finish;
done_testing;
