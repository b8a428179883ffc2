# Origins that speak TLS (t/lib/tls_origin.py), with certificates of an
# authority made for the test.
#
#   my $w = Weir->new(start => 0, conf => ..);    # @UPSTREAM:good@, tls.ca = @DIR@/ca.pem
#   my $t = Weir::TlsOrigins->new($w);
#   $t->origin('good');                           # localhost and 127.0.0.1, signed by ca.pem
#   $t->origin('old', cert => { days => -1 });    # what Weir::Certs::make takes
#   $t->origin('own', cert => { ca => undef });   # signed by itself
#   $t->origin('odd', cert => { client => 1 });   # a certificate for clients
#   $t->origin('asks', client_ca => $t->ca->{cert});
#   $t->start;
package Weir::TlsOrigins;

use v5.36;
use Cwd ();
use JSON::PP ();
use Weir;
use Weir::Certs;

sub new ($class, $w) {
    return bless { w => $w, dir => $w->dir, ca => Weir::Certs::ca($w->dir), origins => [] }, $class;
}

sub ca ($self) { $self->{ca} }

# One more, with a certificate of its own and options of tls_origin.py.
sub origin ($self, $name, %o) {
    my %cert = (name => "origin-$name", hosts => [ 'localhost', '127.0.0.1' ], ca => $self->{ca}, %{ delete $o{cert} // {} });
    delete $cert{ca} unless $cert{ca};
    my ($cert, $key) = delete $cert{client} ? Weir::Certs::client($self->{dir}, %cert) : Weir::Certs::make($self->{dir}, %cert);
    push @{ $self->{origins} }, { name => $name, port => $self->{w}->upstream_port($name), cert => $cert, key => $key, %o };
    return $self;
}

# Starts those that were named, in one process that is called so.
sub start ($self, $peer = 'tls_origins') {
    my $w = $self->{w};
    $_->{port} += 0 for @{ $self->{origins} };
    my $file = $w->write_file("$peer.json", JSON::PP->new->encode($self->{origins}));
    $w->peer($peer => 'python3', '-u', Cwd::abs_path('t/lib/tls_origin.py'), $file);
    for my $o (@{ $self->{origins} }) {
        until_true(sub { $w->peer_out($peer) =~ /^\Q$o->{name}\E listens$/m }, 20) or die "the origin $o->{name} does not start: " . $w->peer_out($peer);
    }
    $self->{origins} = [];
    return $self;
}

1;
