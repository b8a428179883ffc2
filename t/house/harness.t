# The harness does not look away: a test that only asserts good things fails
# when a process dies, when weir does not end well or says alert.
use v5.36;
use File::Temp 'tempdir';
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $n = 0;

# Runs a test of that body; (exit status, output).
sub run_test ($body) {
    my $file = "$dir/" . ++$n . '.t';
    open my $fh, '>', $file or die "$file: $!";
    print $fh <<"END";
use v5.36;
use Test::More;
use Weir;
my \$w = Weir->new(upstream => { app => 'echo' }, conf => <<'INI');
[server *]
listen = 127.0.0.1:\@PORT:http\@
/* = 127.0.0.1:\@UPSTREAM:app\@
INI
is(\$w->get('/')->status, 200);
$body
done_testing;
END
    close $fh;
    local $ENV{HARNESS_ACTIVE};
    local $ENV{TMPDIR} = $dir;
    my $out = qx{$^X -It/lib $file 2>&1};
    return ($? >> 8, $out);
}

my ($code, $out) = run_test('');
is($code, 0, 'a good test passes') or diag($out);

($code, $out) = run_test(<<'END');
my ($pid) = $w->workers;
kill 'KILL', $pid;
until_true(sub { my ($new) = $w->workers; $new && $new != $pid });
END
isnt($code, 0, 'a worker that was killed fails it') or diag($out);
like($out, qr/1 processes died/, 'and it says so');

($code, $out) = run_test(<<'END');
my ($pid) = $w->workers;
$w->expect_death;
kill 'KILL', $pid;
until_true(sub { my ($new) = $w->workers; $new && $new != $pid });
END
is($code, 0, 'unless the test said that it would') or diag($out);

($code, $out) = run_test(<<'END');
open my $log, '>>', $w->dir . '/error.log';
print $log "2026-01-01T00:00:00.000+00:00 alert pid=1 this is wrong\n";
close $log;
END
isnt($code, 0, 'an alert line fails it');
like($out, qr/this is wrong/, 'and is shown');

($code, $out) = run_test(<<'END');
open my $log, '>>', $w->dir . '/out';
print $log "==1==ERROR: AddressSanitizer: heap-use-after-free\n";
close $log;
END
isnt($code, 0, "a sanitizer's report fails it");

($code, $out) = run_test('kill KILL => $w->pid; until_true(sub { !$w->alive }); kill QUIT => $_ for $w->workers;');
isnt($code, 0, 'the death of the master fails it');
like($out, qr/exited with signal 9/, 'and is told');

($code, $out) = run_test('ok(0);');
isnt($code, 0, 'and so does an assertion');

done_testing;
