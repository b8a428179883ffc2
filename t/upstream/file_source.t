# `file:PATH`: the lines of a file are the servers; a change is taken into use
# within a second, a faulty one is told and changes nothing.
use v5.36;
use Test::More;
use Time::HiRes qw(time);
use Weir;

my $name = sub ($c) { while (my $m = $c->recv_request) { $c->respond(200, $c->{name}) } };
my $w = Weir->new(start => 0, upstream => { map { $_ => $name } qw(a b c) }, files => { list => '' }, conf => <<'INI');
[weir]
workers = 2
error_log = @DIR@/error.log info
[upstream app]
server = file:@DIR@/list
balance = round_robin
slow_start = off
[server *]
listen = 127.0.0.1:@PORT:http@
/* = app
INI

# Written aside and renamed, as programs do it.
sub list (@lines) {
    $w->write_file('list.new' => $w->fill(join '', map { "$_\n" } @lines));
    rename $w->dir . '/list.new', $w->dir . '/list' or die $!;
    return time;
}
sub seen ($n = 12) { my %s; $s{ $w->get('/')->body =~ s/\s.*//sr }++ for 1 .. $n; return join ' ', map { "$_:$s{$_}" } sort keys %s }
sub comes ($want, $since) {
    my $got;
    until_true(sub { ($got = seen()) eq $want }, 10);
    is($got, $want, $want);
    cmp_ok(time - $since, '<', 1.5 * slow(), 'within a second');
}

list('# the servers', '127.0.0.1:@UPSTREAM:a@', '', 'LocalHost:@UPSTREAM:b@ weight=2');
$w->start;
is(seen(), 'a:4 b:8', 'weights of the file count');
comes('b:4 c:8', list('localhost:@UPSTREAM:b@', '127.0.0.1:@UPSTREAM:c@ weight=2'));
comes('c:12', list('localhost:@UPSTREAM:b@ backup', '127.0.0.1:@UPSTREAM:c@'));

list('127.0.0.1:@UPSTREAM:a@', '127.0.0.1:@UPSTREAM:b@ wieght=2');
ok($w->wait_log(qr/cannot look up servers upstream=app source=file:\S+list error="line 2: behind the address stand weight=N/), 'a faulty line is told');
is(seen(), 'c:12', 'and changes nothing');
unlink $w->dir . '/list';
is(seen(), 'c:12', 'nor does a file that is gone');
comes('a:12', list('127.0.0.1:@UPSTREAM:a@'));
$w->reload;
is(seen(), 'a:12', 'nor a reload');
list();
ok(until_true(sub { $w->get('/')->status == 503 }), 'an empty file: no server, 503');
comes('b:12', list('127.0.0.1:@UPSTREAM:b@'));
done_testing;
