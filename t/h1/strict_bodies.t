# Chunked request bodies (RFC 9112 7.1) by the letter: what is malformed is
# refused, ends the connection and never becomes a whole message upstream;
# what is merely unusual arrives as the same body.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
INI

sub show ($bytes) {
    my $text = length $bytes > 80 ? substr($bytes, 0, 80) . '...' : $bytes;
    return $text =~ s/([^ -~]|#)/sprintf '\\x%02x', ord $1/ger;
}

my $evil = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
my $end = "0\r\n\r\n";
my $size = sprintf '%x', length $evil;
my @bad = (
    # sizes
    "\r\n$end", " 5\r\nhello\r\n$end", "\t5\r\nhello\r\n$end", "5 \r\nhello\r\n$end", "5\t\r\nhello\r\n$end", "+5\r\nhello\r\n$end", "-5\r\nhello\r\n$end",
    "-0\r\n\r\n", "+0\r\n\r\n", "0x5\r\nhello\r\n$end", "0X5\r\nhello\r\n$end", "x5\r\nhello\r\n$end", "5x\r\nhello\r\n$end", "5h\r\nhello\r\n$end", "g\r\nhello\r\n$end",
    "5_0\r\nhello\r\n$end", "5.\r\nhello\r\n$end", "5,\r\nhello\r\n$end", "'5'\r\nhello\r\n$end", "\"5\"\r\nhello\r\n$end", "5 5\r\nhello\r\n$end", "0 0\r\n\r\n",
    "8000000000000000\r\nhello\r\n$end", "ffffffffffffffff\r\nhello\r\n$end", "10000000000000005\r\nhello\r\n$end", "00000000000000005\r\nhello\r\n$end",
    "fffffffffffffffff\r\nhello\r\n$end", ('0' x 100) . "5\r\nhello\r\n$end", "\0" . "5\r\nhello\r\n$end", "5\0\r\nhello\r\n$end", "\x{b2}\r\nhello\r\n$end",
    "%35\r\nhello\r\n$end",
    # line ends
    "5\nhello\r\n$end", "5\rhello\r\n$end", "5\r\r\nhello\r\n$end", "5\n\rhello\r\n$end", "5\r hello\r\n$end", "5\r\nhello\n$end", "5\r\nhello\r$end", "5\r\nhello$end",
    "5\r\nhello\r\r\n$end", "5\r\nhello\n\n$end", "5\r\nhello \r\n$end", "5\r\nhello!\r\n$end", "4\r\nhello\r\n$end", "6\r\nhello\r\n$end", "5\r\nhell\r\n$end",
    "5\r\nhello\r\n\r\n$end", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\n\n", "5\r\nhello\r\n0\r\r\n", "5\r\nhello\r\n0\r\n\n", "\n$end", "\r\n\r\n",
    # extensions
    "5;\nhello\r\n$end", "5;a\nhello\r\n$end", "5;a=\nhello\r\n$end", "5;a=b\nhello\r\n$end", "5;a=\"b\nc\"\r\nhello\r\n$end", "5;a=\"b\rc\"\r\nhello\r\n$end", "5;a\rb\r\nhello\r\n$end",
    "5;a\0b\r\nhello\r\n$end", "5;\"a\r\nhello\r\n$end", "5;a=\"b\r\nhello\r\n$end", "5;a=\"b\"c\r\nhello\r\n$end", "5;a b\r\nhello\r\n$end", "5;a=b c\r\nhello\r\n$end", "5;=b\r\nhello\r\n$end",
    "5;a=(b)\r\nhello\r\n$end", "5;a\x7f\r\nhello\r\n$end", "5;a=\"\x01\"\r\nhello\r\n$end", "0;a\n\r\n", "0;a\nb\r\n\r\n", "5 a\r\nhello\r\n$end", "5 =a\r\nhello\r\n$end", "5:a\r\nhello\r\n$end",
    "5;" . 'x' x 10_000 . "\r\nhello\r\n$end", "5;a=" . 'x' x 100_000 . "\r\nhello\r\n$end", "1;" . 'x' x 4000 . "\r\nh\r\n", ("1;" . 'x' x 3000 . "\r\nh\r\n") x 40 . $end,
    # trailers
    "5\r\nhello\r\n0\r\nX y: z\r\n\r\n", "5\r\nhello\r\n0\r\nX : y\r\n\r\n", "5\r\nhello\r\n0\r\n: y\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n", "5\r\nhello\r\n0\r\n X: a\r\n\r\n", "5\r\nhello\r\n0\r\nX\r\n\r\n", "5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\r\n\n", "5\r\nhello\r\n0\r\nX: y\n\n", "5\r\nhello\r\n0\r\nX: " . 'y' x 100_000 . "\r\n\r\n", "5\r\nhello\r\n0\r\n" . "X: y\r\n" x 1000 . "\r\n",
    # after good chunks
    "5\r\nhello\r\n5\r\nworld\r\n-1\r\n$end", "5\r\nhello\r\n${size}\r\n${evil}X\r\n$end",
);

my $n = 0;
for my $body (@bad) {
    my $c = $w->conn;
    $c->send("POST /bad" . ++$n . " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n$body$evil");
    my $m = $c->recv_response(timeout => 5);
    my $rest = $m ? $c->recv_until_close(timeout => 5) : '';
    my $status = $m ? $m->status : $c->closed || 'silence';
    ok($status eq '400' && $c->closed && $rest eq '' && $m->closes, "/bad$n: " . show($body))
        or diag("status $status, ended by '" . $c->closed . "', behind it: " . show($rest));
    $c->close;
}

# ---- cut off: the upstream has to see that it is not whole

my %cut = (
    length  => "POST /cut-length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
    chunk   => "POST /cut-chunk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello",
    between => "POST /cut-between HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    last    => "POST /cut-last HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    trailer => "POST /cut-trailer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n",
    head    => "POST /cut-head HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n",
);
for my $name (sort keys %cut) {
    my $c = $w->conn;
    $c->send($cut{$name});
    $c->shutdown_write;
    my $m = $c->recv_response(timeout => 5);
    ok(!$m || $m->status !~ /^2/, "cut off: $name: no success is answered") or diag($m->head);
    ok($c->closed(timeout => 5), 'and the connection ends');
    $c->close;
}

# ---- good ones

my $half = 'hello' x 1000;
my @good = (
    [ 'one chunk',               "5\r\nhello\r\n$end" ],
    [ 'two chunks',              "2\r\nhe\r\n3\r\nllo\r\n$end" ],
    [ 'a chunk a byte',          join('', map { "1\r\n$_\r\n" } split //, 'hello') . $end ],
    [ 'leading zeros',           "0000005\r\nhello\r\n000\r\n\r\n" ],
    [ 'sixteen digits',          "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n" ],
    [ 'upper-case digits',       sprintf("%X\r\n$half\r\n$end", length $half), $half ],
    [ 'lower-case digits',       sprintf("%x\r\n$half\r\n$end", length $half), $half ],
    [ 'an empty body',           $end, '' ],
    [ 'an extension',            "5;name\r\nhello\r\n0;last\r\n\r\n" ],
    [ 'with a value',            "5;name=value;n2=v2\r\nhello\r\n$end" ],
    [ 'with a quoted value',     "5;name=\"a;b\\\"c, \\\\\"\r\nhello\r\n$end" ],
    [ 'with blanks where BWS is', "5 ; name = value\r\nhello\r\n$end" ],
    [ 'a trailer',               "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n" ],
    [ 'forbidden trailers',      "5\r\nhello\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\nHost: b\r\nAuthorization: x\r\n\r\n" ],
    [ 'CRLF as data',            "4\r\n\r\n\r\n\r\n$end", "\r\n\r\n" ],
    [ 'a request as data',       "$size\r\n$evil\r\n$end", $evil ],
);
for my $case (@good) {
    my ($name, $body, $want) = @$case;
    for my $way ('whole', 'byte by byte') {
        my $c = $w->conn;
        my $head = "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        next if $way ne 'whole' && length $body > 500;
        $way eq 'whole' ? $c->send($head . $body) : $c->drip($head . $body);
        my $m = $c->recv_response;
        my $d = eval { JSON::PP->new->latin1->decode($m->body) } // {};
        is($m && $m->status, 200, "$name, $way");
        is($d->{body}, $want // 'hello', 'is the same body upstream');
        ok(!(grep { $_->[0] =~ /^(?:content-length|host|authorization|transfer-encoding)$/i } @{ $d->{trailers} // [] }), 'with harmless trailers');
        is($w->get('/next', on => $c)->status, 200, 'and the connection goes on');
        $c->close;
    }
}

my @got = $w->upstream_got('app');
is(scalar(grep { ($_->target // '') eq '/evil' } @got), 0, 'no body became a request');
my @whole = grep { ($_->target // '') =~ m{^/(?:bad|cut)} && $_->clean } @got;
is(scalar @whole, 0, 'no bad body became a whole message') or diag(map { show($_->{raw}) . "\n" } @whole);

my $log = $w->ended_requests;
my @reasons = map { $log->{"/bad$_"}{reason} // 'none' } 1 .. $n;
is(scalar(grep { !/^bad_(?:chunk|trailer)$/ } @reasons), 0, 'each has its reason') or diag("@reasons");
like($log->{"/cut-$_"}{reason} // '', qr/^client_closed_body$/, "cut off: $_") for qw(length chunk between last trailer);

done_testing;
