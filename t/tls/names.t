# Which server a client means: SNI by the exact name, by a name with `*` at any
# depth, by `*`; names that nobody has are refused; who names nobody gets `*`,
# else the first.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;
use Weir::Tls;

my $w = Weir->new(start => 0, log => 'json', conf => <<'INI');
[server a.example]
listen = 127.0.0.1:@PORT:https@ tls, 127.0.0.1:@PORT:named@ tls
tls = @DIR@/exact.pem @DIR@/exact.key
/* = status:200 exact
[server *.example *.Two.test]
listen = 127.0.0.1:@PORT:https@ tls, 127.0.0.1:@PORT:named@ tls
tls = @DIR@/wild.pem @DIR@/wild.key
/* = status:200 wild
[server *.sub.example]
listen = 127.0.0.1:@PORT:https@ tls, 127.0.0.1:@PORT:named@ tls
tls = @DIR@/deep.pem @DIR@/deep.key
/* = status:200 deep
[server *]
listen = 127.0.0.1:@PORT:https@ tls
tls = @DIR@/star.pem @DIR@/star.key
/* = status:200 star
INI
Weir::Certs::make($w->dir, name => $_, hosts => ["$_.test"]) for qw(exact wild deep star);
$w->start;

# Whose certificate a name gets on a port: its word, or the alert.
sub who ($name, $port = 'https') {
    my $s = Weir::Tls::ask($w, $port, name => $name, host => $name || 'a.example');
    return ($s->{subject} // '') =~ /CN ?= ?(\w+)\.test/ ? $1 : 'alert ' . ($s->{alert} // $s->{text});
}

is(who('a.example'), 'exact', 'an exact name');
is(who('A.eXAMPLE'), 'exact', 'in whatever case');
is(who('b.example'), 'wild', 'one below a `*.`');
is(who('c.b.example'), 'wild', 'two below');
is(who('x.a.example'), 'wild', 'below an exact name');
is(who('x.two.test'), 'wild', 'the other name of that server');
is(who('sub.example'), 'wild', '`*.sub.example` is not sub.example');
is(who('x.sub.example'), 'deep', 'the longest `*.` goes first');
is(who('y.x.sub.example'), 'deep', 'at any depth');
is(who('example'), 'star', '`*.example` is not example');
is(who('other.invalid'), 'star', 'a name that nobody has: `*`');
is(who(''), 'star', 'no name: `*`');

is(who('a.example', 'named'), 'exact', 'where there is no `*`: an exact name');
is(who('', 'named'), 'exact', 'no name: the first');
is(who('other.invalid', 'named'), 'alert 112', 'a name that nobody has: unrecognized_name');
is(who($_, 'named'), 'alert 112', "$_: likewise") for 'example', 'a.example.b';
like($w->wait_log(qr/reason=tls_name .*name="other\.invalid"/), qr/ info .*handshake failed, closed reason=tls_name .* client=127\.0\.0\.1/, 'reason tls_name in the log, with the name');

# What s_client would not send, by hand.  A good hello gets a ServerHello.
sub hand ($port, %o) {
    my $got = Weir::Tls::say($w, $port, Weir::Tls::hello(%o));
    return defined Weir::Tls::alert($got) ? 'alert ' . Weir::Tls::alert($got) : Weir::Tls::answer($got) ? 'hello' : 'nothing';
}
is(hand('named', name => 'a.example'), 'hello', 'by hand: a name');
is(hand('named', name => 'a.example.'), 'hello', 'with the dot of the root');
is(hand('named', name => 'A.Example.'), 'hello', 'with it, in capitals');
is(hand('named', name => 'a.example..'), 'alert 112', 'with two dots');
is(hand('named', name => $_->[0]), 'alert 112', $_->[1]) for
    [ '.',                                'a dot alone' ],
    [ "a.example\0",                      'a zero byte behind it' ],
    [ "a.example\0.invalid",              'a zero byte inside' ],
    [ 'a.example x',                      'a blank' ],
    [ "a.exam\r\nple",                    'an end of line' ],
    [ "\xc3\xa4.example",                 'bytes beyond ASCII' ],
    [ '127.0.0.1',                        'an address' ],
    [ 'a.example:443',                    'a port' ];
is(hand('https', name => "x\0.example"), 'alert 112', '`*` takes no name that is none');
is(hand('https', name => join('.', ('x' x 60) x 4) . '.example'), 'hello', 'a name of 251 bytes');
is(hand('https', name => 'x' x 256), 'alert 112', 'one of 256: unrecognized_name');
is(hand('https', name => 'x' x 12000), 'alert 112', 'one of 12,000');
is(hand('https', name => ''), 'alert 112', 'an empty one');
my $name = pack 'Cna*', 0, 9, 'a.example';
is(hand('named', sni => $_->[0]), 'alert 112', $_->[1]) for
    [ '',                                   'an extension without a list' ],
    [ pack('n', 0),                         'an empty list' ],
    [ pack('n', 40) . $name,                'a list that is longer than the extension' ],
    [ pack('n', length $name) . "$name\0",  'bytes behind the list' ],
    [ pack('n', 2 * length $name) . $name x 2, 'two names' ],
    [ pack('nCna*', 12, 7, 9, 'a.example'), 'a name of another kind' ],
    [ pack('nCna*', 12, 0, 90, 'a.example'), 'a name that is longer than its list' ];
# The log has ten lines a second of them.
ok(until_true(sub { hand('named', name => "a.exam\r\n\"PLE"); $w->error_log =~ /reason=tls_name .*name="a\.exam\\x0D\\x0A\\x22ple"/ }), 'names in the log are escaped');

# Host counts for the request: any server of the same rules answers.
my $c = Weir::Tls::stream($w, 'https', name => 'a.example');
is($w->get('/', on => $c, host => 'x.sub.example')->body, 'deep', 'Host of another server with the same rules is served');
is($w->get('/', on => $c, host => 'a.example')->body, 'exact', 'and so is the own one');

done_testing;
