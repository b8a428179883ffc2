# TLS towards clients, as it is written: addresses, certificates, plain HTTP
# and the canonical name have to fit together; what is not said follows from
# what is.
use strict;
use warnings;
use Test::More;
use Weir::Certs;
require './t/conf/check.pl';

# Messages about a server with these lines, which begin in line 2; further sections may follow.
sub judged {
    my ($lines) = @_;
    put('weir.ini', "[server shop.example *.shop.example]\n$lines\nupstream = localhost:80\n");
    my ($code, @lines) = check('weir.ini');
    return ($code, @lines);
}
sub wrong {
    my ($lines, $message, $name) = @_;
    my ($code, @lines) = judged($lines);
    is($code, 1, "$name: exit 1");
    says(\@lines, "weir.ini:$message", $name);
    is(scalar @lines, 1, 'and nothing else is said') or diag(join "\n", @lines);
}

my $grammar = 'it takes off | auto | internal | CERT KEY ...';
wrong('tls = /c.pem', qq{2: error: bad value "/c.pem" of tls: a certificate without its key; $grammar}, 'a certificate alone');
wrong('tls = /c.pem /k.pem /d.pem', qq{2: error: bad value "/c.pem /k.pem /d.pem" of tls: a certificate without its key; $grammar}, 'an odd number of paths');
wrong('tls = c.pem k.pem', qq{2: error: bad value "c.pem k.pem" of tls: CERT and KEY are absolute paths of files; $grammar}, 'relative paths');
wrong('tls = ' . join(' ', map { "/$_" } 1 .. 18), '2: error: bad value', 'nine pairs');
wrong('tls = on', qq{2: error: bad value "on" of tls: $grammar}, 'a word of no meaning');
wrong("tls = internal\nlisten = :443", '3: error: listen: [server shop.example *.shop.example] has certificates (tls = internal, weir.ini:2) but no address with tls: add one, as in ":443 tls"', 'certificates that nobody reaches');
wrong("tls = off\nlisten = :443 tls", '3: error: listen: :443 has tls, but [server shop.example *.shop.example] has no certificates (tls = off, weir.ini:2): write tls = CERT KEY or tls = internal there', 'an address with tls and no certificates');
wrong("tls = internal\nlisten = :80, :443 tls\nhttp = off", '4: error: http = off, but :80 of [server shop.example *.shop.example] (weir.ini:3) has no tls', 'no plain HTTP, and an address for it');
wrong("tls = off\nhttp = off", '3: error: http = off: [server shop.example *.shop.example] has no certificates (tls = off, weir.ini:2)', 'no plain HTTP and nothing else');
wrong("tls = off\nhttp = redirct", '3: error: bad value "redirct" of http: it takes redirect | serve | off; did you mean "redirect"?', 'a word of http');
wrong("tls = off\ncanonical = www.example", '3: error: canonical: [server shop.example *.shop.example] has no name "www.example"', 'a canonical name of somebody else');
wrong("tls = off\ncanonical = shop.exmaple", '3: error: canonical: [server shop.example *.shop.example] has no name "shop.exmaple"; did you mean "shop.example"?', 'with a slip');
wrong("tls = off\ncanonical = *.shop.example", '3: error: canonical: "*.shop.example" is no name to redirect to: it is one name, without "*"', 'a pattern as the canonical name');
wrong("tls = off\nlisten = :80 h2c", '3: error: listen: h2c: known, not in this release', 'a flag of a later release');
wrong("tls = off\nlisten = :80 tsl", '3: error: listen: "tsl" is no flag of an address (tls and proxy_protocol are; addresses are separated by commas); did you mean "tls"?', 'a flag with a slip');
wrong("tls = internal\nupstream = localhost:80\n[server b.example]\ntls = off\nlisten = :443", '6: error: servers disagree about :443: without tls here, with tls at weir.ini:1', 'two servers of two minds');

# What -T shows of `listen`, for these lines.
sub listens {
    my ($lines) = @_;
    my ($code, @lines) = judged($lines);
    is("$code @lines", '0 ', $lines =~ s/\n/; /gr);
    my ($dump) = (weir('-T', '-q', '-c', dir() . '/weir.ini'))[1];
    my ($place, $listen) = $dump =~ /^; (.*)\nlisten = (.*)$/m;
    return $place eq 'the preset' ? $listen : "written: $listen";
}
is(listens('tls = off'), ':80', 'plain HTTP alone');
is(listens('tls = auto'), ':80', 'the same, until certificates can be ordered');
is(listens(''), ':80', 'or when nothing is said');
is(listens('tls = internal'), ':80, :443 tls', 'certificates: both');
my @files = map { Weir::Certs::make(dir(), name => $_, type => $_, hosts => [ 'shop.example', '*.shop.example' ]) } qw(ec rsa);
is(listens("tls = @files"), ':80, :443 tls', 'of two files and two');
is(listens("tls = internal\nhttp = serve"), ':80, :443 tls', 'whatever plain HTTP is for');
is(listens("tls = internal\nhttp = off"), ':443 tls', 'without it: HTTPS alone');
is(listens("tls = internal\nlisten = :444 tls"), 'written: :444 tls', 'what is written is taken as it is');
is(listens("upstream = localhost:80\n[defaults]\ntls = internal\n[server b.example]"), ':80, :443 tls', 'from [defaults]');

sub notices { judged(@_); return scalar(() = (weir('-t', '-c', dir() . '/weir.ini'))[2] =~ /weir\.ini:\d+: notice: tls = auto: /g) }
is(notices('tls = auto'), 1, 'auto has its notice');
is(notices('tls = internal'), 0, 'certificates have none');

done_testing();
