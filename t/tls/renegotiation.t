# TLS 1.2: renegotiation is offered as a secure one (RFC 5746) and done in no
# case; the connection outlives the wish.  No compression.
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

my $s = Weir::Tls::ask($w, 'https', args => ['-tls1_2']);
like($s->{text}, qr/^Secure Renegotiation IS supported/m, 'renegotiation is a secure one');
like($s->{text}, qr/^Compression: NONE/m, 'there is no compression');
my $answer = Weir::Tls::answer(Weir::Tls::say($w, 'https', Weir::Tls::hello(compressions => [ 1, 0 ])));
is($answer->{compression}, 0, 'nor for a client that offers some');
is(Weir::Tls::alert(Weir::Tls::say($w, 'https', Weir::Tls::hello(compressions => [1]))), 50, 'one that has nothing else: decode_error');

# OpenSSL's client takes a no for a failure of its own.
my $c = Weir::Tls::typed($w, 'https', '-tls1_2', '-msg');
$c->send($w->request_text('/first'));
ok($c->recv_to('"target":"/first"'), 'a request before it');
$c->send("R\n");
ok($c->recv_to('warning no_renegotiation'), 'a wish for another handshake is refused: a warning, no_renegotiation');

# By hand: a hello inside the connection, and requests behind it.
my $hello = substr Weir::Tls::hello(name => 'localhost'), 5;
my @got = Weir::Tls::records_by_hand($w, 'https', map { ([ 22, $hello ], [ 23, $w->request_text("/behind/$_") ]) } 1 .. 6);
my $end = pop @got;
is($end->[0], 'open', 'six wishes with requests between them: the connection is there');
is_deeply([ map { unpack 'H*', $_->[1] } grep { $_->[0] == 21 } @got ], [ ('0164') x 6 ], 'each is answered by the warning');
is(scalar(grep { $_->[0] == 23 && $_->[1] =~ /"target":"\/behind\/\d"/ } @got), 6, 'and each request by a response');

@got = Weir::Tls::records_by_hand($w, 'https', map { [ 22, $hello ] } 1 .. 8);
isnt((pop @got)->[0], 'open', 'a flood of wishes ends the connection');
is_deeply([ map { unpack 'H*', $_->[1] } @got ], [ ('0164') x 4, '020a' ], 'after four: unexpected_message');

done_testing;
