# The keeper asks servers for health.path: a server is down after `fall` bad
# answers in a row, whatever is bad about them, and up after `rise` good ones.
use v5.36;
use Test::More;
use Weir;

# What a scripted server does is in a file that the test writes.
my %answer = (
    good      => sub ($c) { $c->respond(200, 'all is well here') },
    redirect  => sub ($c) { $c->respond(302, 'all is well', 'Location' => '/') },
    early     => sub ($c) { $c->send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); $c->respond(200, 'all is well') },
    chunked   => sub ($c) {
        $c->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for my $piece ('all ', 'is', ' we', "ll\n") { $c->chunk($piece); select undef, undef, undef, 0.01 }
        $c->recv_until_close(timeout => 2);    # the text has been seen: no end is waited for
    },
    error     => sub ($c) { $c->respond(503, 'all is well') },
    other     => sub ($c) { $c->respond(200, 'something else') },
    garbage   => sub ($c) { $c->send("220 mail.example.org ESMTP\r\n\r\n") },
    closes    => sub ($c) { },
    hangs     => sub ($c) { $c->recv_until_close(timeout => 20) },
    trickles  => sub ($c) { for (split //, "HTTP/1.1 200 OK\r\nX: " . 'y' x 400) { $c->send($_) or last; select undef, undef, undef, 0.02 } },
    endless   => sub ($c) { $c->send("HTTP/1.1 200 OK\r\n\r\n" . 'all is wel' x 2000); $c->recv_until_close(timeout => 5) },
);
my $script = sub ($c) {
    $c->recv_request or return;
    open my $fh, '<', "$c->{test_dir}/does" or return;
    my $does = readline $fh;
    ($answer{$does} // die "no '$does'")->($c);
};

my $w = Weir->new(start => 0, upstream => { app => $script, other => 'echo' }, conf => <<'INI');
[upstream app]
server.one = 127.0.0.1:@UPSTREAM:app@
health.path = /up?deep=1
health.interval = 100ms
health.timeout = 300ms
health.expect = 200-299 302 "all is well"
health.host = health.test
health.rise = 2
health.fall = 3
[upstream other]
server.one = 127.0.0.1:@UPSTREAM:other@
health.path = /other
health.interval = 100ms
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
INI
sub does ($what) { $w->write_file('does', $what) }
does('good');
$w->start;

my $lines = 0;
# The next line about the server.
sub next_line ($re) {
    my $line = until_true(sub {
        my @l = grep { /server is (?:up|down) upstream=app / } split /\n/, $w->error_log;
        @l > $lines ? $l[$lines] : '';
    }, 10);
    $lines++ if $line;
    like $line, $re, "$re";
    return;
}

until_true(sub { $w->upstream_conns('app') >= 3 });
my ($check) = $w->upstream_got('app');
is $check->{target}, '/up?deep=1', 'the path is asked for';
is $check->field('Host'), 'health.test', 'of the host';
is $check->field('User-Agent'), 'weir-health', 'by its name';
is $check->field('Connection'), 'close', 'once';
like +($w->upstream_got('other'))[0]->field('Host'), qr/^127\.0\.0\.1:\d+$/, 'without a health.host it is the address';
unlike $w->error_log, qr/server is/, 'a server that was good from the first is no news';

my %reason = (
    error => 'status=503', other => 'body without the text', garbage => 'answer is not HTTP',
    closes => 'connection closed without an answer', hangs => 'timeout', trickles => 'timeout',
    endless => 'first 16 KiB of the body without the text',
);
my @good = qw(good redirect early chunked);
for my $bad (sort keys %reason) {
    does($bad);
    next_line(qr/ warn .*server is down upstream=app server=one address=127\.0\.0\.1:\d+ reason="$reason{$bad}" checks=3;/);
    does($good[$lines / 2 % @good]);
    next_line(qr/ notice .*server is up upstream=app server=one address=\S+ checks=2;/);
}

$w->stop_upstream('app');
next_line(qr/server is down .*reason="connection refused" checks=3;/);
$w->upstream(app => $script);
next_line(qr/server is up /);

# One at a time, each after the interval: no check is begun while another hangs.
does('hangs');
select undef, undef, undef, 0.4;
my $from = $w->upstream_conns('app');
select undef, undef, undef, 1.2;
cmp_ok $w->upstream_conns('app') - $from, '<=', 5, 'one check at a time';
next_line(qr/reason="timeout"/);
does('good');
next_line(qr/server is up/);
is $w->get('/')->status, 200, 'requests are served as soon as it is up';

unlike $w->error_log, qr/server is \w+ upstream=other/, 'the other upstream never changed';
done_testing;
