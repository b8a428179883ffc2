# TLS 1.2 and 1.3 are spoken, nothing older; tls.min = 1.3 leaves the newer one.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[defaults]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
[server localhost]
/* = 127.0.0.1:@UPSTREAM:app@
[server new.example]
tls.min = 1.3
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir, hosts => [ 'localhost', 'new.example' ]);
$w->start;

for my $version ('1.2', '1.3') {
    my $s = Weir::Tls::ask($w, 'https', args => [ '-tls' . ($version =~ tr/./_/r) ]);
    is($s->{version}, "TLSv$version", "TLS $version is spoken");
    is($s->{status}, 200, 'and a request served');
}
is(Weir::Tls::ask($w, 'https')->{version}, 'TLSv1.3', 'of both the newer one is taken');

# Older ones, as libraries that still know them ask, and those that none knows any more.
for my $old ('tls1', 'tls1_1') {
    my $s = Weir::Tls::ask($w, 'https', args => [ "-$old", '-cipher', 'ALL:@SECLEVEL=0' ]);
    is($s->{alert}, 70, "$old: protocol_version");
}
for my $case ([ 'SSL 3.0', 0x0300, 40 ], [ 'TLS 1.0', 0x0301, 70 ], [ 'TLS 1.1', 0x0302, 70 ]) {
    my ($what, $number, $alert) = @$case;
    is(Weir::Tls::alert(Weir::Tls::say($w, 'https', Weir::Tls::hello(version => $number))), $alert, "$what by hand: alert $alert");
}
is(Weir::Tls::alert(Weir::Tls::say($w, 'https', Weir::Tls::hello(versions => [ 0x0302, 0x0301 ], suites => [ 0x1301, 0xc02b ]))), 70,
    'older ones in supported_versions alone: protocol_version');
is(Weir::Tls::answer(Weir::Tls::say($w, 'https', Weir::Tls::hello(versions => [ 0x7f17, 0x0305, 0x0303 ])))->{version}, 0x0303,
    'versions that are not there yet are passed over');
ok($w->wait_log(qr/ info .*handshake failed, closed reason=tls_version /), 'reason tls_version in the log');
is(Weir::Tls::alert(Weir::Tls::say($w, 'https', Weir::Tls::hello(suites => [ 0xc02b, 0x5600 ], version => 0x0303))), 86,
    'a client that fell back without need: inappropriate_fallback');

is(Weir::Tls::ask($w, 'https', name => 'new.example')->{status}, 200, 'tls.min = 1.3: TLS 1.3 is served');
is(Weir::Tls::ask($w, 'https', name => 'new.example', args => ['-tls1_2'])->{alert}, 70, 'TLS 1.2 is not');
is(Weir::Tls::ask($w, 'https', args => ['-tls1_2'])->{status}, 200, 'and the server beside it has its own rule');

done_testing;
