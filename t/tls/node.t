# node's https as the client: an agent that keeps connections and sessions,
# verification, ALPN, client certificates, large bodies, ends.
use v5.36;
use Digest::SHA 'sha256_hex';
use JSON::PP;
use Test::More;
use Weir;
use Weir::Certs;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI', upstream => { big => 'sized', app => sub ($c) {
[defaults]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
[server node.example]
/* = 127.0.0.1:@UPSTREAM:app@
/big/* = 127.0.0.1:@UPSTREAM:big@
[server closed.example]
tls.client = required
tls.client_ca = @DIR@/ca.pem
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        if ($m->target eq '/cut') { $c->send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning"); return 'stop' }
        $c->respond(200, encode_json({ target => $m->target, bytes => length $m->body, sha256 => sha256_hex($m->body) }));
    });
} });
my $dir = $w->dir;
my $ca = Weir::Certs::ca($dir);
Weir::Certs::make($dir, ca => $ca, hosts => [ 'node.example', 'closed.example', '127.0.0.1' ]);
my @mine = Weir::Certs::client($dir, ca => $ca);
$w->start;

$w->peer(node => 'node', Cwd::abs_path('t/tls/node.js'), $w->port('https'), $ca->{cert}, @mine);
my $all = sub { map { my $l = eval { decode_json($_) }; $l ? ($l->{name} => $l->{result}) : () } split /\n/, $w->peer_out('node') };
until_true(sub { my %g = $all->(); exists $g{broken} }, 60) or diag($w->peer_out('node'));
my %got = $all->();
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
is_deeply($got{verified}, { status => 200, version => 'TLSv1.3', stranger => 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', name => 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'verified')
    or diag(explain $got{verified});
is_deeply($got{keepalive}, { good => 100, sockets => 4 }, 'a hundred requests on four connections');
is_deeply($got{sessions}, { map { $_ => [ $no, $yes, $yes, $yes ] } 'TLSv1.2', 'TLSv1.3' }, 'sessions are gone on with') or diag(explain $got{sessions});
is_deeply($got{alpn}, [ 'http/1.1', 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' ], 'ALPN') or diag(explain $got{alpn});
is_deeply($got{large}, { up => $yes, down => 5_000_000 }, 'five megabytes both ways');
is_deeply($got{certificate}, [ 200, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' ], 'a client certificate, and none') or diag(explain $got{certificate});
is_deeply($got{end}, ['end'], 'the end of a connection');
is($got{broken}, 'ECONNRESET', 'a response that breaks off');

done_testing;
