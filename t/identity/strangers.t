# Nobody is believed about itself who is not in trusted_proxies.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[weir]
trusted_proxies = 10.0.0.0/8
[server *]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
underscores = keep
INI

my $d = $w->get_json('/', host => 'front.example:81', fields => [
    'X-Forwarded-For' => '6.6.6.6',    'x-forwarded-for'  => '6.6.6.7',  'X-Forwarded-Host' => 'evil.example',
    'X-Forwarded-Proto' => 'https',    'X-Forwarded-Port' => '443',      'X-Real-IP' => '6.6.6.6',
    'X-Request-ID' => 'stranger',      'Forwarded' => 'for=6.6.6.6',     'X_Forwarded_For' => '6.6.6.6',
    'X-Forwarded_Host' => 'evil',      'X_Real_IP' => '6.6.6.6',         'X_Request_ID' => 'stranger',
    'X_Forwarded-Proto' => 'https',    'X_Other' => 'stays',             'X-Forwarded-Server' => 'stays',
]);
my %seen;
push @{ $seen{ lc $_->[0] =~ tr/_/-/r } }, $_->[1] for @{ $d->{fields} };
is_deeply($seen{'x-forwarded-for'}, ['127.0.0.1'], 'X-Forwarded-For is the socket\'s');
is_deeply($seen{'x-real-ip'}, ['127.0.0.1'], 'X-Real-IP too');
is_deeply($seen{'x-forwarded-proto'}, ['http'], 'X-Forwarded-Proto is the connection\'s');
is_deeply($seen{'x-forwarded-host'}, ['front.example:81'], 'X-Forwarded-Host is Host');
is($seen{'x-forwarded-port'}, undef, 'X-Forwarded-Port is gone');
is($seen{forwarded}, undef, 'Forwarded is gone');
like("@{ $seen{'x-request-id'} }", qr/^[0-9a-f]{32}$/, 'X-Request-ID is ours');
is_deeply($seen{'x-other'}, ['stays'], 'other fields stay');
is_deeply($seen{'x-forwarded-server'}, ['stays'], 'also those with a similar name');
is($d->{response}->status, 200, 'and it is served');

my ($a, $b) = map { (Weir::echoed($w->get_json('/'), 'X-Request-ID'))[0] } 1 .. 2;
isnt($a, $b, 'no two identifiers are alike');

done_testing;
