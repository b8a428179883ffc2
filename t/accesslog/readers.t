# What reads nginx's logs reads weir's: the expressions of fail2ban's filters
# nginx-bad-request and nginx-botsearch, and the format that goaccess calls
# COMBINED.
use v5.36;
use Test::More;
use Weir;

my $w = Weir->new(conf => <<'INI', upstream => { app => 'echo' }, log => 'combined');
[server *]
listen = 127.0.0.1:@PORT:http@
/app/* = 127.0.0.1:@UPSTREAM:app@
INI

$w->get('/wp-login.php');
$w->get('/admin/phpMyAdmin/index.php');
$w->get('/app/fine', fields => [ 'User-Agent' => 'curl/8.0', Referer => 'http://x/' ]);
$w->raw("\x16\x03\x01\x00\xa5\r\n\r\n");
$w->raw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
my @lines = $w->wait_access(5);

# fail2ban takes the date out first ([] is left) and puts an expression for addresses in place of <HOST>.
my $host  = qr/(?:\d{1,3}(?:\.\d{1,3}){3})/;
my $block = qr{/?(?:roundcube|(?:ext)?mail|horde|(?:v-?)?webmail|(?:typo3/|xampp/|admin/|)(?:pma|(?:php)?[Mm]y[Aa]dmin)|wp-(?:login|signup|admin)\.php|cgi-bin|mysqladmin)[^,]*};
sub undated ($line) { $line =~ s/\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/[]/r }
my @botsearch = grep { undated($_) =~ m{^$host - \S+ \[\] "(?:GET|POST|HEAD) /$block \S+" 404 .+$} } @lines;
my @bad       = grep { undated($_) =~ m{^$host - \S+ \[\] "[^"]*" 400} } @lines;
is(scalar @botsearch, 2, 'nginx-botsearch finds its two');
is(scalar @bad, 2, 'nginx-bad-request finds its two');

# goaccess: %h %^[%d:%t %^] "%r" %s %b "%R" "%u"
my $combined = qr{^(\S+) .*?\[(\d\d/\w+/\d{4}):(\d\d:\d\d:\d\d) .*?\] "(.*?)" (\d{3}) (\d+) "(.*?)" "(.*?)"$};
is(scalar(grep { /$combined/ } @lines), 5, 'goaccess reads each line');
my ($fine) = grep { m{/app/fine} } @lines;
my @read = $fine =~ $combined;
is_deeply([ @read[ 0, 3, 4, 6, 7 ] ], [ '127.0.0.1', 'GET /app/fine HTTP/1.1', 200, 'http://x/', 'curl/8.0' ], 'and finds its parts');

SKIP: {
    my ($fail2ban) = grep { -x } map { "$_/fail2ban-regex" } split /:/, $ENV{PATH};
    my $filter = '/etc/fail2ban/filter.d/nginx-bad-request.conf';
    skip 'fail2ban is not installed', 1 unless $fail2ban && -f $filter;
    my $out = `$fail2ban '$w->{dir}/access.log' '$filter' 2>&1`;
    like($out, qr/Failregex: 2 total/, 'fail2ban itself finds the two');
}

done_testing;
