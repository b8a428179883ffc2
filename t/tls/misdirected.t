# 421: Host names a server with other rules for TLS than the one whose name
# the handshake had, and in no other case.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $common = "listen = 127.0.0.1:\@PORT:https\@ tls\n";
my %servers = (
    'a.example *.a.example' => '',
    'other.example'         => "tls = \@DIR\@/other.pem \@DIR\@/other.key\ntls.tickets = off\ntls.client_ca = \@DIR\@/ca1.pem",
    'optional.example'      => "tls.client = optional\ntls.client_ca = \@DIR\@/ca1.pem",
    'required.example'      => "tls.client = required\ntls.client_ca = \@DIR\@/ca1.pem",
    'same.example'          => "tls.client = required\ntls.client_ca = \@DIR\@/ca1.pem\ntls.tickets = off",
    'strangers.example'     => "tls.client = required\ntls.client_ca = \@DIR\@/ca2.pem",
    'deep.example'          => "tls.client = required\ntls.client_ca = \@DIR\@/ca1.pem\ntls.client_depth = 5",
    'listed.example'        => "tls.client = required\ntls.client_ca = \@DIR\@/ca1.pem\ntls.client_crl = \@DIR\@/ca1.crl",
    'new.example'           => 'tls.min = 1.3',
);
my $w = Weir->new(start => 0, log => 'json', conf => <<'INI' . join '', map { "[server $_]\n$common$servers{$_}\n/* = status:200 $_\n" } sort keys %servers);
[defaults]
tls = @DIR@/cert.pem @DIR@/cert.key
[server plain.example]
listen = 127.0.0.1:@PORT:plain@
tls = off
/* = status:200 plain
[server required2.example]
listen = 127.0.0.1:@PORT:plain@
tls = off
/* = status:200 plain2
INI
my $dir = $w->dir;
my ($ca1, $ca2) = map { Weir::Certs::ca($dir, name => $_) } qw(ca1 ca2);
Weir::Certs::make($dir, name => $_, hosts => [ '*.example', '*.a.example' ]) for qw(cert other);
my @alice = Weir::Certs::client($dir, name => 'alice', ca => $ca1);
Weir::Certs::crl($ca1);
$w->start;

# One connection by a name; the status of each Host on it.
sub by ($sni, %want) {
    my $c = Weir::Tls::stream($w, 'https', name => $sni, cert => $alice[0], key => $alice[1]);
    for my $host (sort keys %want) {
        my $m = $w->get("/$host", on => $c, host => $host);
        is($m->status, $want{$host}, 'SNI ' . ($sni // 'none') . ", Host $host: $want{$host}");
        if ($m->closes) { $c = Weir::Tls::stream($w, 'https', name => $sni, cert => $alice[0], key => $alice[1]) }
    }
}
my @strict = map { "$_.example" } qw(optional required same strangers deep listed new);
by('a.example', 'a.example' => 200, 'A.EXAMPLE:443' => 200, 'x.a.example' => 200, 'other.example' => 200, map { $_ => 421 } @strict);
by('other.example', 'a.example' => 200, 'required.example' => 421);
by(undef, 'a.example' => 200, 'other.example' => 200, 'required.example' => 421);
by('optional.example', 'optional.example' => 200, 'a.example' => 421, map { $_ => 421 } @strict[ 1 .. 5 ]);
by('required.example', 'required.example' => 200, 'same.example' => 200, map { $_ => 421 } qw(a.example optional.example strangers.example deep.example listed.example new.example));
by('same.example', 'required.example' => 200);
by('listed.example', 'listed.example' => 200, 'required.example' => 421);
by('new.example', 'new.example' => 200, 'a.example' => 421);
is($w->get('/', port => 'plain', host => 'required2.example')->body, 'plain2', 'plain HTTP knows no such thing');

# A connection that was misdirected once is of use for what it was made for; a server that nobody has is another matter.
my $c = Weir::Tls::stream($w, 'https', name => 'a.example');
is($w->get('/m', on => $c, host => 'required.example')->status, 421, 'misdirected');
is($w->get('/n', on => $c, host => 'nobody.example')->status, 421, 'no such server');
is($w->get('/', on => $c, host => 'a.example')->status, 200, 'and the connection serves its own');
my $end = $w->ended_requests;
is($end->{'/m'}{reason}, 'misdirected', 'reason misdirected');
is($end->{'/n'}{reason}, 'no_server', 'reason no_server');

done_testing;
