# Test code: a certificate authority of a test, and the certificates that it issues. openssl writes the certificates as PEM
# files for Kafka and librdkafka.

package Heartbeat::Certificates;

use strict;
use warnings;

use Carp;
use IPC::Run ();

use PostgreSQL::Test::Utils;

=pod

    my $ca = Heartbeat::Certificates->new($folder, 'ca');          # $folder/ca.pem
    my $keystore = $ca->issue('server', names => 'DNS:localhost');  # server.pem, server.key; both in server.keystore
    $ca->issue('client', names => 'DNS:client', passphrase => 'x', expired => 1);

=cut

sub new
{
	my ($class, $folder, $name) = @_;
	my $self = bless { folder => $folder, name => $name }, $class;
	_openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 2, '-subj', "/CN=$name",
		'-keyout', $self->_path($name, 'key'), '-out', $self->file);
	return $self;
}

# Returns the file of the authority's own certificate. Brokers and clients must trust this certificate.
sub file { my ($self) = @_; return $self->_path($self->{name}, 'pem'); }

# With expired => 1 the certificate is valid for 0 days, so it expires at once. An end in the past is not possible: newer
# versions of openssl issue no certificate that ends before it begins.
sub issue
{
	my ($self, $name, %opt) = @_;
	my ($key, $certificate, $request) = map { $self->_path($name, $_) } qw(key pem csr);
	_openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', "/CN=$name", '-keyout', $key, '-out', $request);
	append_to_file("$request.ext", "subjectAltName=$opt{names}\n");
	_openssl('x509', '-req', '-in', $request, '-CA', $self->file, '-CAkey', $self->_path($self->{name}, 'key'),
		'-CAcreateserial', '-days', $opt{expired} ? 0 : 2, '-extfile', "$request.ext", '-out', $certificate);
	my $keystore = $self->_path($name, 'keystore');
	append_to_file($keystore, slurp_file($key) . slurp_file($certificate));
	if (defined $opt{passphrase})
	{
		_openssl('pkcs8', '-topk8', '-in', $key, '-out', "$key.locked", '-passout', "pass:$opt{passphrase}");
		rename("$key.locked", $key) or croak "$key: $!";
	}
	chmod 0600, $key, $keystore;
	return $keystore;
}

sub _path { my ($self, $name, $kind) = @_; return "$self->{folder}/$name.$kind"; }

sub _openssl
{
	my @command = ('openssl', @_);
	my $output;
	IPC::Run::run(\@command, '<', \undef, '>', \$output, '2>&1') or croak "@command failed:\n$output";
	return;
}

1;
