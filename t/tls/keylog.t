# tls.keylog: by explicit wish alone, with a warning at -t and at the start; its
# lines are those that a packet analyser reads.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $conf = <<'INI';
[weir]
tls.keylog = @DIR@/keys/log
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
my $w = Weir->new(start => 0, conf => $conf, upstream => { app => 'echo' });
my $dir = $w->dir;
mkdir "$dir/keys";
chmod 0777, "$dir/keys";    # the worker's user writes there
Weir::Certs::make($dir);
my ($code, $out) = $w->command('-t');
is($code, 0, '-t takes it');
like($out, qr{warning: tls\.keylog: the secrets of every connection are written to \Q$dir\E/keys/log}, 'with a warning');
$w->start;
like($w->error_log . $w->out, qr{warn.*tls\.keylog}, 'and so does the start');

sub lines { my %n; $n{ (split ' ')[0] }++ for split /\n/, Weir::_slurp("$dir/keys/log"); return \%n }
my $s = Weir::Tls::ask($w, 'https', args => [ '-tls1_3', '-keylogfile', "$dir/client13" ]);
is($s->{status}, 200, 'TLS 1.3');
is_deeply(lines(), { map { $_ => 1 } qw(SERVER_HANDSHAKE_TRAFFIC_SECRET CLIENT_HANDSHAKE_TRAFFIC_SECRET EXPORTER_SECRET SERVER_TRAFFIC_SECRET_0
    CLIENT_TRAFFIC_SECRET_0) }, 'all secrets of a connection');
$s = Weir::Tls::ask($w, 'https', args => [ '-tls1_2', '-keylogfile', "$dir/client12" ]);
is($s->{status}, 200, 'TLS 1.2');
is(lines()->{CLIENT_RANDOM}, 1, 'and its');
my %mine = map { $_ => 1 } split /\n/, Weir::_slurp("$dir/keys/log");
my @theirs = grep { /^[A-Z]/ } map { split /\n/, Weir::_slurp("$dir/$_") } qw(client13 client12);
is(scalar(grep { !$mine{$_} } @theirs), 0, 'the same that the client has');
is((stat "$dir/keys/log")[2] & 0777, 0600, 'in a file that is nobody else\'s');

$w->configure($conf =~ s/^tls\.keylog.*\n//mr);
is(scalar $w->reload, 0, 'without the key');
my $before = Weir::_slurp("$dir/keys/log");
until_true(sub { Weir::Tls::ask($w, 'https')->{status} }) for 1 .. 2;
is(Weir::_slurp("$dir/keys/log"), $before, 'nothing is written any more');

done_testing;
