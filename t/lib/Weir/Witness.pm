# weir with the module witness (t/lib/module_witness.c), which shows what each
# worker has of the files that a configuration names.  To be used before Weir.
package Weir::Witness;

use v5.36;
use Time::HiRes qw(sleep time);

use Exporter 'import';
our @EXPORT = qw(witness_conf overwrite served all_serve errors_of memory_has);

BEGIN { $ENV{WR_BIN} = ($ENV{WR_BUILD} || 'build') . '/t/weir-witness' }
use Weir;

# A configuration whose [weir] has these lines.
sub witness_conf ($lines, %o) {
    my $workers = $o{workers} // 2;
    return <<"INI";
[weir]
workers = $workers
drain = 2s
$lines
[server *]
tls = off
listen = 127.0.0.1:\@PORT:http\@
/* = status:200
INI
}

# Writes into a file as it is there, without a rename.
sub overwrite ($path, $text) {
    open my $fh, '>:raw', $path or die "$path: $!";
    print $fh $text;
    close $fh;
    return $path;
}

# What workers answer at a path, by worker: { SLOT => BODY }; asks until so many have answered.
sub served ($w, $path, $workers = 2) {
    my (%by, $until);
    $until = time + 5 * slow();
    while (keys %by < $workers && time < $until) {
        my $m = $w->get($path);
        $by{ $m->field('X-Worker') // '?' } = $m->body;
    }
    return \%by;
}

# Whether all workers answer with that, within some seconds; what they say otherwise is shown.
sub all_serve ($w, $path, $body, $seconds = 4, $workers = 2) {
    my $by;
    my $same = until_true(sub {
        $by = served($w, $path, $workers);
        keys %$by == $workers && !grep { $_ ne $body } values %$by;
    }, $seconds);
    Test::More::diag("worker $_ has: $by->{$_}") for $same ? () : sort keys %$by;
    return $same;
}

# Lines of a level in the error log.
sub errors_of ($w, $level = 'error') { grep { / \Q$level\E pid=/ } split /\n/, $w->error_log }

# Whether a process has these bytes anywhere in its memory (but for what a sanitizer has laid out for itself).
sub memory_has ($pid, $bytes) {
    open my $maps, '<', "/proc/$pid/maps" or die "/proc/$pid/maps: $!";
    open my $mem, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!";
    no warnings 'portable';
    while (my $line = readline $maps) {
        my ($from, $to, $mode) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+)/ or next;
        next if $mode !~ /^r/;
        my ($at, $end, $tail) = (hex $from, hex $to, '');
        next if $end - $at > 1 << 30;
        while ($at < $end) {
            sysseek $mem, $at, 0 or last;
            my $n = sysread $mem, my $buf, $end - $at > 1 << 20 ? 1 << 20 : $end - $at;
            last if !$n;
            return 1 if index($tail . $buf, $bytes) >= 0;
            $tail = substr $buf, -length $bytes;
            $at += $n;
        }
    }
    return 0;
}

1;
