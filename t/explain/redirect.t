# weir explain tells where plain HTTP and other names are redirected to, and
# then of nothing that comes after.
use v5.36;
use Test::More;
use Weir;
use Weir::Certs;

my $w = Weir->new(start => 0);
Weir::Certs::make($w->dir, hosts => ['shop.example']);
$w->configure(<<'INI');
[server shop.example www.shop.example]
listen = 127.0.0.1:8080, 127.0.0.1:8443 tls
tls = @DIR@/cert.pem @DIR@/cert.key
http = redirect
canonical = shop.example
/old/* = redirect:/new
/* = 127.0.0.1:9001
[server * @any]
listen = 127.0.0.1:8081, 127.0.0.1:8444 tls
tls = @DIR@/cert.pem @DIR@/cert.key
/* = 127.0.0.1:9001
INI
my $file = $w->conf_file;
sub explained (@args) { return ($w->run('explain', '-c', $file, @args))[1] }
sub says ($out, $line, $name) { ok(index("\n$out\n", "\n$line\n") >= 0, $name) or diag("wanted: $line\n$out") }

my $out = explained('http://www.shop.example:8080//a?b');
says($out, "answer: ($file:4): weir itself, 308 with Location: https://shop.example:8443//a?b (http = redirect)", 'plain HTTP');
unlike($out, qr/^(?:upstream|sent):/m, 'goes nowhere');
$out = explained('http://shop.example:8080/old/x');
is(() = $out =~ /^answer:/mg, 1, 'the redirection that the route is comes later');
$out = explained('https://www.shop.example:8443/a');
says($out, "answer: ($file:5): weir itself, 308 with Location: https://shop.example:8443/a (the server has another canonical name)", 'another name');
$out = explained('https://shop.example:8443/a');
like($out, qr/^upstream: 127\.0\.0\.1:9001 .*^sent:$/ms, 'its own by https goes on');
like(explained('https://shop.example/a'), qr/^listen: 127\.0\.0\.1:8443 .*^sent:$/ms, 'whatever the port, https is asked of an address with tls');
like(explained('http://shop.example/a'), qr/^listen: 127\.0\.0\.1:8080 /m, 'and http of one without');
$out = explained('http://shop.example:8080/a%2F');
like($out, qr/^answer: weir itself, 400 .*ambiguous_path/m, 'what is refused');
unlike($out, qr/Location/, 'is not redirected');
says(explained('http://x.test:8081/'), "answer: weir itself, 308 with Location: https://x.test:8444/ (http = redirect)", 'a preset has no place');

done_testing;
