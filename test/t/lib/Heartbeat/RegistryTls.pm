# Test code: an HTTPS server in front of a schema registry. The server checks the credentials of each request, and the
# certificate of the client. The program test/registry/tls_front.py is this server. The program ends with the test.

package Heartbeat::RegistryTls;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Handle;
use IPC::Open2 qw(open2);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);

use PostgreSQL::Test::Utils;

my $program = abs_path(dirname(__FILE__) . '/../../../..') . '/test/registry/tls_front.py';

=pod

    my $front = Heartbeat::RegistryTls->new($registry->url, $keystore, user => 'name:password', token => 'token', client_ca => $ca->file);
    $front->url;         # https://localhost:PORT
    $front->requests;    # lines with the status and the path

A client logs in with the user or with the token. Without client_ca a client needs no certificate.

=cut

sub new
{
	my ($class, $url, $keystore, %opt) = @_;
	my $log = PostgreSQL::Test::Utils::tempdir('tls_front') . '/log';
	append_to_file($log, '');
	my ($output, $input);
	my $pid  = open2($output, $input, 'python3', $program);
	my $self = bless { pid => $pid, input => $input, log => $log }, $class;
	$input->autoflush(1);
	# the program reads the secrets from its input, because other users can see its arguments
	my @authorizations = ('Basic ' . encode_base64($opt{user} // '', ''), 'Bearer ' . ($opt{token} // ''));
	print $input JSON::PP::encode_json({ url => $url, certificate => $keystore, client_ca => $opt{client_ca},
			authorizations => \@authorizations, log => $log }), "\n";
	($self->{port}) = (<$output> // '') =~ /^(\d+)$/ or croak 'tls_front.py ended';
	return $self;
}

sub url { my ($self) = @_; return "https://localhost:$self->{port}"; }

sub requests { my ($self) = @_; return split /\n/, slurp_file($self->{log}); }

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	kill('KILL', $self->{pid});
	waitpid($self->{pid}, 0);
	return;
}

1;
