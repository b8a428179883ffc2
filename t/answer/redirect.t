# redirect: 302 for GET and HEAD, 307 otherwise, or the code that is written;
# the path and query stand where the URL says and nowhere else.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', log => 'json');
[server *]
listen = 127.0.0.1:@PORT:http@
/plain/* = redirect:https://new.example/
/uri/* = redirect:https://new.example%{uri}
/rest/* = redirect:308 https://new.example/deep%{rest}%{search}
/moved = redirect:301 /here
/host/* = redirect:%{scheme}://www.%{host}%{path}
/query/* = redirect:/x?q=%{query}
INI

my $c = $w->conn;
sub moves ($target, $status, $location, %o) {
    my $m = $w->get($target, on => $c, host => 'old.example:81', %o);
    is($m->status, $status, ($o{method} // 'GET') . " $target is $status");
    is($m->field('Location'), $location, "to $location");
    return $m;
}

moves('/plain/a?b', 302, 'https://new.example/');
moves('/plain/a?b', 302, 'https://new.example/', method => 'HEAD');
moves('/plain/a?b', 307, 'https://new.example/', method => 'POST', body => 'x');
moves('/uri/a?b=%20', 302, 'https://new.example/uri/a?b=%20');
moves('/uri/a', 302, 'https://new.example/uri/a');
moves('/uri/%22//b', 302, 'https://new.example/uri/%22/b');
moves('/rest/x/y?q', 308, 'https://new.example/deep/x/y?q');
moves('/rest', 308, 'https://new.example/deep', method => 'PUT', body => '');
moves('/moved', 301, '/here');
moves('/host/a', 302, 'http://www.old.example/host/a');
moves('/query/?"<>`{|}\\^', 302, '/x?q=%22%3C%3E%60%7B%7C%7D%5C%5E');
moves("/query/?\xff%0d%0aX:y", 302, '/x?q=%FF%0d%0aX:y');
my $m = moves('/uri/' . 'a' x 7000, 302, 'https://new.example/uri/' . 'a' x 7000);
like($m->field('Content-Type'), qr{^text/plain}, 'with a short text');
is($w->ended_requests->{'/moved'}{reason}, '', 'which is no failure');

done_testing;
