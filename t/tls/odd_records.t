# Records that no library makes, behind a good handshake: what is harmless is
# passed over for a while, what is not ends the connection with its alert, and
# nothing of it reaches an upstream.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:@UPSTREAM:app@
INI
Weir::Certs::make($w->dir);
$w->start;

# What came back as [TYPE, HEX or the request's target] and how it ended.
sub talk (@steps) {
    my @got = Weir::Tls::records_by_hand($w, 'https', @steps);
    my $end = pop @got;
    return [ (map { $_->[0] == 23 ? "23 " . ($_->[1] =~ /"target":"(.*?)"/ ? $1 : 'no answer') : "$_->[0] " . unpack 'H*', $_->[1] } @got), $end->[0] ];
}
sub get ($path) { [ 23, $w->request_text($path) ] }

is_deeply(talk([ 23, '' ], get('/empty')), [ '23 /empty', 'open' ], 'a record without data, then a request');
is_deeply(talk([ 21, "\1\x5a" ], get('/warned')), [ '23 /warned', 'open' ], 'a warning, then a request');
my ($half, $rest) = unpack '(a20)2', $w->request_text('/halves');
$rest = substr $w->request_text('/halves'), 20;
is_deeply(talk([ 23, $half ], [ 23, '' ], [ 23, $rest ]), [ '23 /halves', 'open' ], 'a request in pieces');

my $many = talk((map { [ 23, '' ] } 1 .. 60));
is_deeply($many, [ '21 020a', $many->[-1] ], 'records without data have a limit: unexpected_message');
isnt($many->[-1], 'open', 'and the connection ends');

for my $case (
    [ 'a tag that is wrong',               [ -23, $w->request_text('/never') ], '21 0214' ],
    [ 'ChangeCipherSpec',                  [ 20, "\1" ],                        '21 020a' ],
    [ 'a type that there is none of',      [ 24, 'x' ],                         '21 020a' ],
    [ 'an alert of three bytes',           [ 21, "\1\x5a\0" ],                  '21 020a' ],
    [ 'plain HTTP',                        [ 'raw', $w->request_text('/never') ], '21 020a' ],
    [ 'a record of another version',       [ 'raw', pack 'Cnna*', 23, 0x0404, 20, 'x' x 20 ], '21 020a' ],
    [ 'a record that is too long',         [ 'raw', pack 'Cnna*', 23, 0x0303, 20000, 'x' x 20000 ], '21 020a' ],
    [ 'a record that is too short',        [ 'raw', pack 'Cnna*', 23, 0x0303, 8, 'x' x 8 ], '21 0214' ],
) {
    my ($what, $step, $alert) = @$case;
    my $got = talk(get('/before'), $step, get('/never'));
    my $how = pop @$got;
    is_deeply($got, [ '23 /before', $alert ], "$what: $alert");
    isnt($how, 'open', 'and the connection ends');
}
is_deeply(talk(get('/before'), [ 21, "\2\x28" ], get('/never'))->[1], 'fin', 'a fatal alert: it ends without another word');
my $bye = talk(get('/before'), [ 21, "\1\0" ], get('/never'));
is_deeply([ @$bye[ 0, 1 ] ], [ '23 /before', '21 0100' ], 'close_notify is answered by close_notify');
is(scalar(grep { $_->target eq '/never' } $w->upstream_got('app')), 0, 'nothing behind any of it was taken for a request');
is(Weir::Tls::ask($w, 'https')->{status}, 200, 'and others are served');

done_testing;
