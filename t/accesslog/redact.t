# redact: values that shall not be in a log are not, however they are spelled.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' });
[log plain]
path = @DIR@/plain.log
redact = token password Authorization
[log json]
path = @DIR@/json.log
format = json
redact = token password Referer
[server plain.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
access_log = plain
[server json.example]
listen = 127.0.0.1:@PORT:http@
/* = 127.0.0.1:@UPSTREAM:app@
access_log = json
INI

for my $host (qw(plain.example json.example)) {
    $w->get('/a?token=s3cret&b=2&password=s3cret', host => $host, fields => [
        Referer => 'http://r/?x=1&%74oken=s3cret', Authorization => 'Basic czNjcmV0OnMzY3JldA==' ]);
}
$w->stop;
my ($plain) = $w->access_log('plain.log');
like($plain, qr{"GET /a\?token=-&b=2&password=- HTTP/1\.1" 200 \d+ "http://r/\?x=1&%74oken=-"}, 'values are written as -');
like($plain, qr{^127\.0\.0\.1 - - \[}, 'so is the user of a redacted Authorization');
my ($json) = $w->access_log('json.log');
like($json, qr/"http_referer":"-"/, 'a whole field');
like($json, qr/"remote_user":"s3cret"/, 'and nothing that was not asked for');
is(() = $json =~ /s3cret/g, 1, 'nowhere else');

done_testing;
