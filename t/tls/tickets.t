# Sessions go on by tickets: TLS 1.3 and 1.2; each use of one gives another;
# none with tls.tickets = off, and none after two turns of the key.
use v5.36;
use MIME::Base64 ();
use Test::More;
use Time::HiRes qw(sleep);
use Weir;
use Weir::Certs;
use Weir::Tls;

my $turn_ms = 1000 * slow();
my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI' =~ s/\@TURN\@/${turn_ms}ms/r);
[weir]
tls.ticket_turn = @TURN@
[defaults]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
[server localhost]
/* = 127.0.0.1:@UPSTREAM:app@
[server none.example]
tls.tickets = off
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir, hosts => [ 'localhost', 'none.example' ]);
$w->start;
my $dir = $w->dir;

# A connection that writes its session to a file, and one that goes on with that of a file.
sub full ($file, @words) { Weir::Tls::ask($w, 'https', args => [ @words, '-sess_out', "$dir/$file" ]) }
sub again ($file, $next, @words) { Weir::Tls::ask($w, 'https', args => [ @words, '-sess_in', "$dir/$file", '-sess_out', "$dir/$next" ]) }

for my $version ('-tls1_3', '-tls1_2') {
    my $s = full('s0', $version);
    is($s->{reused}, 0, "$version: a full handshake");
    for my $n (1 .. 3) {
        # s_client writes a session of TLS 1.2 down after a full handshake alone
        $s = again($version eq '-tls1_3' ? 's' . ($n - 1) : 's0', "s$n", $version);
        is($s->{reused}, 1, "resumed, time $n");
        is($s->{status}, 200, 'and served');
    }
}
sub ticket_in ($text) { $text =~ /TLS session ticket:\n(.*?)\n\n/s ? $1 : '' }
sub ticket ($file) { ticket_in(Weir::Certs::openssl('sess_id', '-noout', '-text', '-in', "$dir/$file")) }
full('a', '-tls1_3');
again('a', 'b', '-tls1_3');
isnt(ticket('a'), '', 'TLS 1.3: there is a ticket');
isnt(ticket('b'), ticket('a'), 'and another after its use');
is(again('a', 'c', '-tls1_3')->{reused}, 1, 'the first can still be used: browsers open several connections at once');
is(again('b', 'c', '-tls1_2')->{reused} // 0, 0, 'not by another version of TLS');

for my $version ('-tls1_3', '-tls1_2') {
    my $s = Weir::Tls::ask($w, 'https', name => 'none.example', args => [ $version, '-sess_out', "$dir/none" ]);
    is($s->{status}, 200, "tls.tickets = off, $version: served");
    unlike($s->{text}, qr/TLS session ticket:\n/, 'without a ticket');
    my $t = -s "$dir/none" ? Weir::Tls::ask($w, 'https', name => 'none.example', args => [ $version, '-sess_in', "$dir/none" ]) : $s;
    is($t->{reused}, 0, 'and the next handshake is a full one');
    unlink "$dir/none";
}

# A turn is short here: a ticket of this turn is good for two more.  Clients of TLS 1.3 would not use one beyond the
# lifetime that it came with, so that is made longer.
sub der ($file) { MIME::Base64::decode_base64(Weir::_slurp("$dir/$file") =~ s/-----.*?-----\n//gr) }
sub write_der ($file, $der) {
    $w->write_file($file, "-----BEGIN SSL SESSION PARAMETERS-----\n" . MIME::Base64::encode_base64($der) . "-----END SSL SESSION PARAMETERS-----\n");
}
sub turn () { my @turns = $w->error_log =~ / notice .*session tickets have a new key turn=(\d+)/g; return $turns[-1] // 1 }
my $turn = turn();
ok(until_true(sub { turn() > $turn }), 'keys turn');
full('old', '-tls1_3');
full('old2', '-tls1_2');
(my $der = der('old')) =~ s/\xa9\x03\x02\x01./\xa9\x03\x02\x01\x7f/s or fail('no lifetime in the session');
write_der('long', $der);
$turn = turn();
ok(until_true(sub { turn() == $turn + 1 }), 'a turn later');
is(again('long', 'x', '-tls1_3')->{reused}, 1, 'a ticket is good');
my $s = again('old2', 'y', '-tls1_2');
is($s->{reused}, 1, 'one of TLS 1.2 too');
isnt(ticket_in($s->{text}), ticket('old2'), 'and it is replaced by one of the new key');
ok(until_true(sub { turn() >= $turn + 3 }), 'two turns after that');
is(again('long', 'z', '-tls1_3')->{reused}, 0, 'it is not any more');
is(again('old2', 'z', '-tls1_2')->{reused}, 0, 'that of TLS 1.2 neither');
is(again('old2', 'z', '-tls1_2')->{status}, 200, 'the client is served after a full handshake');

# Of a garbled one nothing is taken, whichever byte it is.
full('g', '-tls1_3');
my $ticket = pack 'H*', join '', map { /^ +[0-9a-f]{4} - ((?:[0-9a-f]{2}[ -]){1,16})/ ? $1 =~ tr/ -//dr : () } split /^/, ticket('g');
$der = der('g');
my $at = index $der, $ticket;
ok($at > 0 && length $ticket > 100, 'the ticket in the session') or diag(ticket('g'));
for my $byte (0, 20, 60, length($ticket) - 1) {
    my $wrong = $der;
    substr($wrong, $at + $byte, 1) ^.= "\1";
    write_der('wrong', $wrong);
    $s = again('wrong', 'z', '-tls1_3');
    is("$s->{reused} $s->{status}", '0 200', "byte $byte of a ticket is another: a full handshake");
}

done_testing;
