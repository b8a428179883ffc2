# The access log of requests over TLS: version, suite, resumption; and that a
# handshake that failed is no request.
use v5.36;
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls, 127.0.0.1:@PORT:plain@
tls = @DIR@/cert.pem @DIR@/cert.key
http = serve
/* = 127.0.0.1:@UPSTREAM:app@
response_header.X-Tls = %{tls_version} %{tls_cipher} %{tls_name} %{scheme}
INI
Weir::Certs::make($w->dir);
$w->start;
my $dir = $w->dir;
my $s = Weir::Tls::ask($w, 'https', path => '/13', args => [ '-tls1_3', '-sess_out', "$dir/s" ]);
like($s->{text}, qr/^X-Tls: TLSv1\.3 TLS_AES_128_GCM_SHA256 localhost https\r$/m, 'variables');
Weir::Tls::ask($w, 'https', path => '/13-again', args => [ '-tls1_3', '-sess_in', "$dir/s" ]);
Weir::Tls::ask($w, 'https', path => '/12', args => [ '-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305' ]);
like($w->get('/plain', port => 'plain')->field('X-Tls'), qr/^\s*http$/, 'without TLS nothing is in them');
Weir::Tls::ask($w, 'https', args => [ '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0' ]);
my $c = Weir::Tls::stream($w, 'https');
$w->get("/kept/$_", on => $c) for 1, 2;
my $big = $w->get('/bytes', on => $c, body => pattern(100_000));
my $end = $w->ended_requests;
my @lines = $w->access;
is(scalar @lines, 7, 'a line a request, none for a handshake that failed');

sub of ($target) { my $l = $end->{$target}; [ map { JSON::PP::is_bool($l->{$_}) ? $l->{$_} + 0 : $l->{$_} } qw(status scheme tls_version tls_cipher tls_resumed) ] }
is_deeply(of('/13'), [ 200, 'https', 'TLSv1.3', 'TLS_AES_128_GCM_SHA256', 0 ], 'TLS 1.3');
is_deeply(of('/13-again'), [ 200, 'https', 'TLSv1.3', 'TLS_AES_128_GCM_SHA256', 1 ], 'resumed');
is_deeply(of('/12'), [ 200, 'https', 'TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305', 0 ], 'TLS 1.2');
is($end->{'/plain'}{scheme}, 'http', 'plain');
ok(!exists $end->{'/plain'}{tls_version} || !defined $end->{'/plain'}{tls_version}, 'has no version of TLS');
is($end->{'/kept/1'}{connection}, $end->{'/kept/2'}{connection}, 'requests of one connection');
is("$end->{'/kept/1'}{connection_requests} $end->{'/kept/2'}{connection_requests}", '1 2', 'are counted');
is($end->{'/bytes'}{body_bytes_sent}, length $big->body, 'bytes are those of the response, not of records');
cmp_ok($end->{'/bytes'}{request_length}, '>', 100_000, 'and of the request');
cmp_ok($end->{'/bytes'}{request_length}, '<', 100_500, 'likewise');
is($end->{'/bytes'}{bytes_sent}, $big->{head} ? length($big->{head}) + length $big->body : 0, 'head and body');

done_testing;
