# Sessions: taken by every worker, over reloads, an upgrade and a crash, until
# the keys have turned twice; never by a server with other rules.
use v5.36;
use Test::More;
use Weir::Certs;
use Weir::Tls;
use Weir;

my $w = Weir->new(start => 0);
my $dir = $w->dir;
my @pair = Weir::Certs::make($dir, name => 'a', hosts => [ 'open.example', 'closed.example', 'off.example' ]);
my $ca = Weir::Certs::ca($dir);
my $crt = "$dir/ca.pem";
my ($client, $client_key) = Weir::Certs::client($dir, name => 'alice', ca => $ca);

sub conf ($more = '', $weir = '') {
    return <<"INI";
[weir]
workers = 4
$weir

[server open.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
/* = status:200 open

[server closed.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
tls.client = required
tls.client_ca = $crt
$more
/* = status:200 closed

[server off.example]
listen = 127.0.0.1:\@PORT:http\@ tls
tls = @pair
tls.tickets = off
/* = status:200 off
INI
}
ok(-s $crt, 'an authority');
$w->configure(conf());
$w->start;
my $port = $w->port;

# A first session, kept in a file; s_client writes the ticket that came with the response.
sub first ($file, @options) {
    return s_client($port, servername => 'open.example', options => [ '-sess_out', "$dir/$file", @options ], send => request('open.example'));
}
sub again ($file, $name = 'open.example', @options) {
    return s_client($port, servername => $name, options => [ '-sess_in', "$dir/$file", @options ], send => request($name));
}

for my $version (qw(-tls1_3 -tls1_2)) {
    my $said = first("s$version", $version);
    is(reused($said), 0, "$version: a full handshake");
    my $good = grep { reused(again("s$version", 'open.example', $version)) } 1 .. 12;
    is($good, 12, '... whose session every worker takes');
    is(body_of(again("s$version", 'open.example', $version)), 'open', '... and serves by');
}
my $next = again('s-tls1_3', 'open.example', '-sess_out', "$dir/next");
is(reused(again('next')), 1, 'a resumed connection brings a further ticket');
like(first('hint'), qr/ticket lifetime hint: 86400/, 'which is good for two turns');

is(scalar $w->reload, 0, 'a reload');
is(reused(again("s$_", 'open.example', $_)), 1, "$_: its sessions go on") for qw(-tls1_3 -tls1_2);
my ($worker) = $w->workers;
$w->expect_death;
kill 'KILL', $worker;
ok(until_true(sub { my @n = $w->workers; @n == 4 && !grep { $_ == $worker } @n }), 'a worker is replaced');
is((grep { reused(again('s-tls1_3')) } 1 .. 8), 8, 'all take it');

# Bound to the server and what it asks of clients (the case of CVE-2025-23419).
my $crossed = again('s-tls1_3', 'closed.example', '-tls1_3');
is(reused($crossed), 0, 'a session of the open server is none of the closed one');
like($crossed, qr/certificate required|alert/, '... which asks for a certificate');
isnt(body_of($crossed), 'closed', '... and does not serve without');
is(reused(again('s-tls1_2', 'closed.example', '-tls1_2')), 0, '... nor with TLS 1.2');
my @with = ('-cert', $client, '-key', $client_key);
my $mine = s_client($port, servername => 'closed.example', options => [ '-sess_out', "$dir/mine", @with ], send => request('closed.example'));
is(body_of($mine), 'closed', 'with a certificate it serves');
is(reused(again('mine', 'closed.example')), 1, '... and goes on with that session');
is(body_of(again('mine', 'closed.example')), 'closed', '... without the certificate being sent again');
is(reused(again('mine', 'open.example')), 0, '... which the open server does not take');

# Other rules: other sessions.
$w->configure(conf('tls.client_depth = 1'));
is(scalar $w->reload, 0, 'other rules for clients');
is(reused(again('mine', 'closed.example')), 0, '... and sessions from before are not taken');
is(reused(again('s-tls1_3')), 1, '... but those of the other server');

my $off = s_client($port, servername => 'off.example', options => [ '-sess_out', "$dir/off" ], send => request('off.example'));
unlike($off, qr/Post-Handshake New Session Ticket|TLS session ticket:/, 'tls.tickets = off: no ticket');

# No early data.
my $early = s_client($port, servername => 'open.example', options => [ '-sess_in', "$dir/next", '-early_data', '/dev/null' ], send => request('open.example'));
like($early, qr/Early data was (?:not sent|rejected)/, '0-RTT is not offered');

# Turns of the keys.
$w->configure(conf('', 'tls.ticket_turn = 1s'));
is(scalar $w->reload, 0, 'keys that turn each second');
first('turn');
my $log = $w->error_log;
ok(until_true(sub { () = $w->error_log =~ /session tickets have a new key/g; my $n = () = $w->error_log =~ /session tickets have a new key/g; $n >= 4 }, 15),
    'four turns');
is(reused(again('turn')), 0, 'a session from before them is not taken');
$w->finish;
done_testing;
