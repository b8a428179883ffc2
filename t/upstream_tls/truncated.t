# An answer that ends with its connection is whole only when close_notify says
# so: whoever can send a FIN could cut it otherwise.  Where a length or chunks
# say how long it is, a missing close_notify harms nothing.
use v5.36;
use Test::More;
use Weir;
use Weir::TlsOrigins;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[upstream app]
server = https://127.0.0.1:@UPSTREAM:app@
tls.ca = @DIR@/ca.pem
eject = off
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
INI
Weir::TlsOrigins->new($w)->origin('app')->start;
$w->start;

my %reason;
sub answer ($path, $reason = '') { $reason{$path} = $reason; return $w->get($path) }

for my $n (10, 300_000) {
    my $m = answer("/close?n=$n&end=notify");
    ok($m->clean && $m->body eq pattern($n), "$n bytes to close_notify are whole");
    for my $end (qw(fin rst)) {
        $m = answer("/close?n=$n&end=$end", 'upstream_truncated');
        is($m->status, 200, "$n bytes to $end have begun");
        ok(!$m->clean, '... and are not taken for whole') or diag($m->ended);
    }
    for my $kind (qw(length chunked)) {
        for my $end (qw(notify fin)) {
            $m = answer("/$kind?n=$n&end=$end");
            ok($m->clean && $m->body eq pattern($n), "$n bytes with a $kind, then $end");
        }
    }
    for my $end (qw(notify fin)) {
        $m = answer("/short?n=$n&end=$end", 'upstream_truncated');
        ok(!$m->clean, "less than the length, then $end");
    }
}
# A client of HTTP/1.0 cannot be shown it by chunks, but by the end of its connection.
my $got = $w->raw($w->request_text('/close?n=1000&end=fin&old', version => '1.0'));
like($got, qr/\r\n\r\n/, 'to a client of HTTP/1.0');
$reason{'/close?n=1000&end=fin&old'} = 'upstream_truncated';
is($w->get('/good')->status, 200, 'nobody else is harmed');

my $end = $w->ended_requests;
is($end->{$_}{reason}, $reason{$_}, "in the log: $_ $reason{$_}") for sort keys %reason;
done_testing;
