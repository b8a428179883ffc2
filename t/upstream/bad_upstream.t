# A bad answer becomes 502 with its reason (or, once begun, an end that the
# client can tell from a good one), and never poisons the next request.
use v5.36;
use Test::More;
use Weir;

my $ok = "HTTP/1.1 200 OK\r\n";
my $chunked = "${ok}Transfer-Encoding: chunked\r\n\r\n";
# name => [reason, bytes]
my %bad = (
    nothing          => [ upstream_closed          => '' ],
    half_head        => [ upstream_closed          => "${ok}Content-Le" ],
    letters          => [ upstream_bad_status_line => "hello there\r\n\r\n" ],
    http09           => [ upstream_bad_status_line => "<html>an answer of old</html>" . ' ' x 100 . "\r\n\r\n" ],
    binary           => [ upstream_bad_status_line => "\x16\x03\x01\0\1\xff\r\n\r\n" ],
    other_name       => [ upstream_bad_status_line => "ICY 200 OK\r\n\r\n" ],
    two_digits       => [ upstream_bad_status_line => "HTTP/1.1 20 OK\r\n\r\n" ],
    four_digits      => [ upstream_bad_status_line => "HTTP/1.1 2000 OK\r\n\r\n" ],
    no_number        => [ upstream_bad_status_line => "HTTP/1.1 abc OK\r\n\r\n" ],
    version_2        => [ upstream_bad_status_line => "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n" ],
    status_0         => [ upstream_bad_status_line => "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n" ],
    name_blank       => [ upstream_bad_field       => "${ok}X A: b\r\nContent-Length: 2\r\n\r\nok" ],
    name_bad         => [ upstream_bad_field       => "${ok}X(A): b\r\nContent-Length: 2\r\n\r\nok" ],
    name_none        => [ upstream_bad_field       => "${ok}: b\r\nContent-Length: 2\r\n\r\nok" ],
    no_colon         => [ upstream_bad_field       => "${ok}nothing\r\nContent-Length: 2\r\n\r\nok" ],
    nul              => [ upstream_bad_field       => "${ok}X: a\0b\r\nContent-Length: 2\r\n\r\nok" ],
    bare_cr          => [ upstream_bad_field       => "${ok}X: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok" ],
    fold             => [ upstream_bad_field       => "${ok}X: a\r\n b\r\nContent-Length: 2\r\n\r\nok" ],
    head_too_large   => [ upstream_head_too_large  => $ok . "X-A: " . 'b' x 100_000 . "\r\n\r\n" ],
    too_many         => [ upstream_head_too_large  => $ok . "X: y\r\n" x 2000 . "\r\n" ],
    endless_head     => [ upstream_head_too_large  => $ok . 'X' x 100_000 ],
    two_lengths      => [ upstream_bad_length      => "${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk" ],
    same_length      => [ upstream_bad_length      => "${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok" ],
    list_of_lengths  => [ upstream_bad_length      => "${ok}Content-Length: 2, 3\r\n\r\nokk" ],
    length_letters   => [ upstream_bad_length      => "${ok}Content-Length: two\r\n\r\nok" ],
    length_negative  => [ upstream_bad_length      => "${ok}Content-Length: -2\r\n\r\nok" ],
    length_huge      => [ upstream_bad_length      => "${ok}Content-Length: 99999999999999999999\r\n\r\nok" ],
    length_and_chunk => [ upstream_bad_length      => "${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" ],
    coding_gzip      => [ upstream_bad_coding      => "${ok}Transfer-Encoding: gzip\r\n\r\nok" ],
    coding_twice     => [ upstream_bad_coding      => "${ok}Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" ],
    coding_first     => [ upstream_bad_coding      => "${ok}Transfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n" ],
    unasked_101      => [ upstream_bad_upgrade     => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" ],
);
# Begun before the fault: the client sees an end that is not clean.
my %cut = (
    short_length  => [ upstream_truncated => "${ok}Content-Length: 100\r\n\r\nonly this" ],
    no_last_chunk => [ upstream_truncated => "${chunked}4\r\nbody\r\n" ],
    inside_chunk  => [ upstream_truncated => "${chunked}40\r\nbody" ],
    bad_size      => [ upstream_bad_chunk => "${chunked}4\r\nbody\r\nzz\r\n" ],
    size_0x       => [ upstream_bad_chunk => "${chunked}4\r\nbody\r\n0x4\r\nbody\r\n0\r\n\r\n" ],
    size_huge     => [ upstream_bad_chunk => "${chunked}4\r\nbody\r\nfffffffffffffffff\r\n" ],
    size_sign     => [ upstream_bad_chunk => "${chunked}4\r\nbody\r\n-1\r\nx" ],
    no_crlf       => [ upstream_bad_chunk => "${chunked}4\r\nbodyXX0\r\n\r\n" ],
    bad_trailer   => [ upstream_bad_chunk => "${chunked}4\r\nbody\r\n0\r\nno trailer\r\n\r\n" ],
);
# Odd, and yet right.
my %good = (
    no_reason      => "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    empty_reason   => "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    empty_lines    => "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    extension      => "${chunked}2;a=b;c=\"d\"\r\nok\r\n0;last\r\n\r\n",
    zeros          => "${chunked}0002\r\nok\r\n000\r\n\r\n",
    two_expires    => "HTTP/1.1 200 OK\r\nExpires: 0\r\nExpires: 1\r\nContent-Length: 2\r\n\r\nok",
    more_behind    => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more HTTP/1.1 200 OK\r\n\r\n",
    more_chunks    => "${chunked}2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
);
my %text = (%good, map { $_ => ($bad{$_} // $cut{$_})->[1] } keys %bad, keys %cut);
my $w = Weir->new(conf => <<'INI', log => 'json', upstream => { app => sub ($c) {
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI
    $c->each_request(sub ($c, $m) {
        my ($name) = $m->target =~ m{^/(\w+)};
        return $c->respond(200, 'next') && '' if $name eq 'next';
        $c->send($text{$name});
        # What needs no end to be faulty leaves the connection open.
        return $name =~ /^(?:nothing|half_head|short|no_last|inside)/ ? 'stop' : '';
    });
} });

sub unharmed ($name) {
    my $m = $w->get('/next');
    is($m->status . ' ' . $m->body, '200 next', "$name: the next request is unharmed");
}
for my $name (sort keys %bad) {
    my $m = $w->get("/$name", timeout => 5);
    is($m->status, 502, "$name: 502") or diag($m->ended);
    unharmed($name);
}
for my $name (sort keys %cut) {
    my $m = $w->get("/$name", timeout => 5);
    ok($m->status == 502 || !$m->clean && $m->ended ne 'timeout', "$name: seen to be broken") or diag("$m->{status} $m->{ended}");
    unless ($m->status == 502) {
        $m = $w->get("/$name?old", version => '1.0', timeout => 5);
        ok(!$m->clean && $m->ended ne 'timeout', 'by a client of HTTP/1.0 too') or diag($m->ended);
    }
    unharmed($name);
}
for my $name (sort keys %good) {
    my $m = $w->get("/$name", timeout => 5);
    is($m->status . ' ' . $m->body, '200 ok', "$name: good");
    ok($m->clean, 'and clean');
    unharmed($name);
}
my $end = $w->ended_requests;
is($end->{"/$_"}{reason}, $bad{$_}[0], "$_: reason") for sort keys %bad;
is($end->{"/$_"}{reason}, $cut{$_}[0], "$_: reason") for sort keys %cut;
is($end->{"/$_"}{reason}, '', "$_: none") for sort keys %good;
done_testing;
