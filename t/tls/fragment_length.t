# Clients with little memory ask for short records (max_fragment_length, RFC
# 6066): they get no longer ones, or the wish is not granted.
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

for my $version ('-tls1_2', '-tls1_3') {
    for my $n (512, 1024, 2048, 4096) {
        my $s = Weir::Tls::ask($w, 'https', path => '/?bytes=60000', args => [ $version, '-maxfraglen', $n, '-sess_out', $w->dir . '/s' ]);
        is($s->{body}, pattern(60_000), "$version, records of $n bytes: a response") or diag(substr $s->{text}, -300);
        $s = Weir::Tls::ask($w, 'https', path => '/?bytes=60000', args => [ $version, '-maxfraglen', $n, '-sess_in', $w->dir . '/s' ]);
        is($s->{body}, pattern(60_000), 'and another in a resumed session') or diag(substr $s->{text}, -300);
    }
}
my $answer = Weir::Tls::answer(Weir::Tls::say($w, 'https', Weir::Tls::hello(extensions => Weir::Tls::extension(1, "\1"))));
ok($answer, 'a hello with the wish is taken');
is(Weir::Tls::alert(Weir::Tls::say($w, 'https', Weir::Tls::hello(extensions => Weir::Tls::extension(1, "\x09")))), 47, 'a length that there is none of: illegal_parameter');

done_testing;
