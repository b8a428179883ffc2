# Sizes of records: the first of a response fit into a packet each, so that a
# client can begin with the first that arrives; bulk goes in full ones; a
# connection that was quiet begins small again.  Keys are renewed on request.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'sized' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;

for my $version ('1.2', '1.3') {
    my $c = Weir::Tls::stream($w, 'https', max => $version);
    $c->send($w->request_text('/?bytes=600000'));
    is($c->recv_response->body, pattern(600_000), "TLS $version: a large response");
    select undef, undef, undef, 1.2;
    $c->send($w->request_text('/?bytes=200000', close => 1));
    is($c->recv_response->body, pattern(200_000), 'another after a pause');
    is($c->end, 'close_notify', 'to the end');
    my @sizes = map { $_->[1] } grep { $_->[0] == 23 && $_->[1] > 400 } $c->records;    # handshake, tickets and alerts are smaller
    my @small = grep { $_ <= 1400 } @sizes[ 0 .. 2 ];
    is(scalar @small, 3, "the first records are small (@sizes[0 .. 4])");
    my $full = 16384 + 16 + ($version eq '1.2' ? 8 : 1);
    cmp_ok(scalar(grep { $_ == $full } @sizes), '>=', 30, 'bulk goes in full ones');
    is(scalar(grep { $_ > $full } @sizes), 0, 'and none is longer');
    my ($again) = grep { $sizes[$_] <= 1400 && $sizes[ $_ - 1 ] > 1400 } 20 .. $#sizes - 4;
    ok(defined $again && $sizes[ $again + 1 ] <= 1400, 'after the pause it begins small again') or diag("@sizes");
}

# KeyUpdate: s_client's K asks for one in return, its k does not.
my $c = Weir::Tls::typed($w, 'https', '-tls1_3', '-msg');
for my $n (1 .. 5) {
    $c->send($n % 2 ? "K\n" : "k\n");
    ok($c->recv_to('KEYUPDATE'), 'the client has another key') or last;
    $c->send($w->request_text("/?bytes=" . 1000 * $n));
    ok($c->recv_to(substr pattern(1000 * $n), -16), 'and is understood') or last;
    like($c->{seen} = $c->{in}, qr//, '');
}

done_testing;
