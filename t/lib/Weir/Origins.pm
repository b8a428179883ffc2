# Several origins (t/lib/origin.c) behind one weir, and an account of who got
# which requests.
package Weir::Origins;

use v5.36;
use JSON::PP ();
use Weir::Stream;

# An origin for each name; args => { NAME => [...] } for some of them.
sub new ($class, $w, $names, %o) {
    my $self = bless { w => $w, names => $names }, $class;
    $w->origin($_, @{ $o{args}{$_} // [] }) for @$names;
    return $self;
}

# What one of them says of itself: requests, now, most.
sub stats ($self, $name) {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{w}->upstream_port($name)) or return {};
    my $c = Weir::Stream->new($s, timeout => 10);
    $c->send("GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    my $m = $c->recv_response(method => 'GET');
    $c->close;
    return eval { JSON::PP->new->decode($m->body) } // {};
}

# How many requests each has answered since the last call, in the order of the names; undef: it is not there.
sub hits ($self) {
    my @hits;
    for my $name (@{ $self->{names} }) {
        my $n = $self->stats($name)->{requests};
        push @hits, defined $n ? $n - ($self->{seen}{$name} // 0) : undef;
        $self->{seen}{$name} = $n // 0;
    }
    return @hits;
}

# N requests one after the other on a connection of their own; how many got a 200.
sub ask ($self, $n, %o) {
    my $c = $self->{w}->conn;
    my $good = 0;
    for my $i (1 .. $n) {
        my $path = ref $o{path} ? $o{path}->($i) : $o{path} // '/';
        $good += $self->{w}->get($path, on => $c, %o)->status eq '200';
    }
    $c->close;
    return $good;
}

1;
