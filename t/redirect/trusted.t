# Who ends TLS in front of weir is believed about the scheme, if it is trusted;
# the host that it says is compared with the canonical one and goes nowhere.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;

my $w = Weir->new(start => 0, upstream => { app => 'echo' });
Weir::Certs::make($w->dir, hosts => ['shop.example']);
$w->configure(<<'INI');
[weir]
trusted_proxies = 127.0.0.1
[defaults]
listen = 127.0.0.1:@PORT:http@, 127.0.0.1:@PORT:pp@ proxy_protocol, 127.0.0.1:@PORT:tls@ tls
tls = @DIR@/cert.pem @DIR@/cert.key
[server shop.example]
/* = 127.0.0.1:@UPSTREAM:app@
[server www.example inner.example]
canonical = www.example
/* = 127.0.0.1:@UPSTREAM:app@
INI
$w->start;
my $tls = $w->port('tls');

sub answer ($host, @fields) {
    my %o = ref $fields[-1] ? %{ pop @fields } : ();
    my $m = $w->get('/x', host => $host, fields => \@fields, %o);
    return join ' ', $m->status, grep { defined } $m->field('Location');
}
is(answer('shop.example', 'X-Forwarded-Proto', 'https'), '200', 'a trusted proxy says https');
is(answer('shop.example', 'Forwarded', 'proto=https'), '200', 'in the other words');
is(answer('shop.example', 'X-Forwarded-Proto', 'http'), "308 https://shop.example:$tls/x", 'it says http');
is(answer('shop.example'), "308 https://shop.example:$tls/x", 'it says nothing');
is(answer('shop.example', 'X-Forwarded-Proto', 'https', { from => '127.0.0.2' }), "308 https://shop.example:$tls/x", 'a stranger says https');

is(answer('inner.example', 'X-Forwarded-Proto', 'https'), '308 https://www.example/x', 'another name than the canonical one');
is(answer('inner.example:8443', 'X-Forwarded-Proto', 'https'), '308 https://www.example:8443/x', 'by its port');
is(answer('inner.example:81', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'www.example'), '200', 'the client asked for the canonical one');
is(answer('inner.example:81', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'old.example:444'), '308 https://www.example/x', 'or for another');
is(answer('www.example', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'www.example'), '200', 'both say it');
is(answer('shop.example', 'X-Forwarded-Host', 'evil.test'), "308 https://shop.example:$tls/x", 'what the proxy says is not where clients are sent');
is(answer('inner.example', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'www.example', { from => '127.0.0.2' }), "308 https://www.example:$tls/x", 'a stranger is not believed');

# a PROXY protocol header that tells of TLS
sub proxied ($ssl) {
    my $tlv = $ssl ? pack('Cn/a*', 0x20, pack('CN', 1, 0)) : '';
    my $body = pack('a4a4nn', "\x7f\0\0\1", "\x7f\0\0\1", 1, 2) . $tlv;
    my $c = $w->conn(port => 'pp');
    $c->send("\r\n\r\n\0\r\nQUIT\n" . pack('CCn/a*', 0x21, 0x11, $body));
    return $w->get('/x', on => $c, host => 'shop.example')->status;
}
is(proxied(1), 200, 'a PROXY protocol header tells of TLS');
is(proxied(0), 308, 'or does not');

done_testing;
