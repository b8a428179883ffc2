# --json: it parses, and every key stands in weirctl(8).
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(upstream => { app => 'echo' }, conf => <<'INI');
[weir]
workers = 2
[server *]
listen = 127.0.0.1:@PORT:http@
tls = off
/* = app
[upstream app]
server.one = 127.0.0.1:@UPSTREAM:app@
server.two = 127.0.0.1:@UPSTREAM:app@ backup
INI
$w->get('/');

my $page = do { local (@ARGV, $/) = ('man/weirctl.8'); <> };
my ($json) = $page =~ /^\.Sh JSON\n(.*?)^\.Sh /ms;
my %section = $json =~ /^\.It Cm (\w+)\n(.*?)(?=^\.It|^\.El)/msg;

sub keys_of ($v) {
    return map { keys_of($_) } @$v if ref $v eq 'ARRAY';
    return map { ($_, keys_of($v->{$_})) } keys %$v if ref $v eq 'HASH';
    return;
}

for my $command (qw(status generations version upstreams)) {
    my ($code, $out) = $w->ctl($command, '--json');
    is($code, 0, "$command --json");
    is(($out =~ tr/\n//), 1, '... is one line');
    my $got = eval { JSON::PP->new->utf8->decode($out) };
    ok($got, '... of JSON') or next;
    my %is = map { $_ => 1 } keys_of($got);
    my %said = map { $_ => 1 } map { /\w+/g } $section{$command} =~ /^\.Va (.*)$/mg;
    is(join(' ', sort keys %is), join(' ', sort keys %said), '... whose keys weirctl.8 has');
}

my $status = $w->ctl_json('status');
is(scalar(grep { $_->{kind} eq 'worker' } @{ $status->{processes} }), 2, 'two workers');
is((grep { $_->{kind} eq 'keeper' } @{ $status->{processes} })[0]{pid}, $w->keeper, 'the keeper');
is($status->{master}, $w->pid, 'the master');
my ($app) = grep { $_->{name} eq 'app' } @{ $w->ctl_json('upstreams') };
is($app->{servers_all}, 2, 'two servers');
ok($app->{servers}[1]{backup}, 'one of them a backup');
is($app->{servers}[0]{address}, '127.0.0.1:' . $w->upstream_port('app'), 'and where they are');

done_testing;
