# A client stays with its server by a cookie that says nothing and cannot be
# made up; it moves only when its own server is gone, and is told so.
use v5.36;
use Test::More;
use Weir;

my $name = sub ($c) { while (my $m = $c->recv_request) { $c->respond(200, $c->{name}) } };
my $w = Weir->new(conf => <<'INI', upstream => { map { $_ => $name } qw(a b c) });
[weir]
workers = 2
[upstream app]
server.a = 127.0.0.1:@UPSTREAM:a@
server.b = 127.0.0.1:@UPSTREAM:b@
server.c = 127.0.0.1:@UPSTREAM:c@
balance = round_robin
sticky = cookie srv
eject = 1 error in 10s for 1h, at most 70%
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI

sub ask (@fields) { return $w->get('/', fields => [@fields]) }
sub cookie ($m) { return ($m->field('Set-Cookie') // '') =~ /^(srv=[0-9a-f]{32});/ ? $1 : '' }

my $first = ask();
my ($cookie, $own) = (cookie($first), $first->body);
like($first->field('Set-Cookie'), qr/^srv=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax$/, 'the first answer brings the cookie');
my %seen;
for (1 .. 12) {
    my $m = ask(Cookie => "a=b; $cookie; c=d");
    $seen{ $m->body }++;
    ok(!defined $m->field('Set-Cookie'), 'and no other one') if $_ == 1;
}
is_deeply(\%seen, { $own => 12 }, 'with it, all go to one server');

my %cookies;
$cookies{ cookie($_) } = $_->body for map { ask() } 1 .. 12;
is(scalar keys %cookies, 3, 'each server has its own');
is(scalar(grep { !/^srv=[0-9a-f]{32}$/ } keys %cookies), 0, 'that does not tell which it is: no address has this form');
is(cookie(ask(Cookie => 'srv=' . '0' x 32)) ne '', 1, 'one that was made up is replaced');
is(cookie(ask(Cookie => 'srv=')) ne '', 1, 'an empty one, too');
(my $bent = $cookie) =~ s/(.)$/$1 eq '0' ? '1' : '0'/e;
is(cookie(ask(Cookie => $bent)) ne '', 1, 'and one with a bent digit');

$w->reload;
is(ask(Cookie => $cookie)->body, $own, 'a reload changes nothing');

$w->stop_upstream($own);
my $moved = ask(Cookie => $cookie);
is($moved->status, 200, 'when its server is gone, another answers');
isnt($moved->body, $own, '...');
my $new = cookie($moved);
ok($new ne '' && $new ne $cookie, 'and gives its own cookie');
is(ask(Cookie => $new)->body, $moved->body, 'which holds');
done_testing;
