# Tests TLS with a real broker: which brokers the worker trusts, and which clients the broker trusts. Also tests the reason in
# the status when the worker refuses the broker, and when the broker refuses the worker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Certificates;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Secrets;

my $passphrase = 'the-passphrase';    # as in docs/security.md
my $wrong      = 'not-the-passphrase-6b1f';
my $topic      = 'heartbeat-events';
my $folder     = PostgreSQL::Test::Utils::tempdir('certificates');
my $ca         = Heartbeat::Certificates->new($folder, 'ca');
my $stranger   = Heartbeat::Certificates->new($folder, 'stranger');
my %keystore   = (
	tls       => $ca->issue('server',    names => 'DNS:localhost'),
	expired   => $ca->issue('expired',   names => 'DNS:localhost', expired => 1),
	elsewhere => $ca->issue('elsewhere', names => 'DNS:elsewhere.example'));
$keystore{mtls} = $keystore{tls};
$ca->issue('client', names => 'DNS:heartbeat', passphrase => $passphrase);
$stranger->issue('impostor', names => 'DNS:heartbeat');

my $kafka = Heartbeat::Kafka->new(
	'tls',
	listeners => { map { uc $_ => 'SSL' } keys %keystore },
	'listener.name.mtls.ssl.client.auth'         => 'required',
	'listener.name.mtls.ssl.truststore.type'     => 'PEM',
	'listener.name.mtls.ssl.truststore.location' => $ca->file,
	map { ("listener.name.$_.ssl.keystore.type" => 'PEM', "listener.name.$_.ssl.keystore.location" => $keystore{$_}) } keys %keystore);
$kafka->start;
$kafka->create_topic($topic, 1);
my $node    = Heartbeat::Cluster->create('tls', settings => { 'log_min_messages' => 'debug1' });
my $secrets = Heartbeat::Secrets->new($node, $folder, $passphrase, $wrong);
my %mutual  = $secrets->documented('SSL');
my %tls     = map { $_ => $mutual{$_} } qw(security.protocol ssl.ca.location);

# The generator and the worker use a certificate as the documents describe.
my $generator = "$FindBin::RealBin/../../build/generator/heartbeat-generator";
{
	local $ENV{HEARTBEAT_CONFIG} = join ';', map { "$_=$mutual{$_}" } sort keys %mutual;
	is(system_log($generator, '--brokers', $kafka->brokers('MTLS'), '--topic', $topic, qw(--rate 5000 --count 500 --seed 1 --quiet)),
		0, 'the generator publishes with a certificate');
}
$secrets->use($kafka->brokers('MTLS'), %mutual);
$node->wait_for_state('RUNNING', undef, 'the worker logs in by its certificate with the documented properties');
$node->wait_for_offsets($topic, 500);

# When a broker closes the connection without a reason, an old version of librdkafka guesses the reason. A new version
# sometimes reports only that the broker has closed the connection.
my $no_tls = `pkg-config --modversion rdkafka` =~ /^2\.\d\./ ? qr/security\.protocol/ : qr/security\.protocol|closed by peer|Broken pipe|transport failure/;

# Each entry has a mistake in the configuration, and a pattern that the reason in the status must match. After a reload with the
# correct properties file the worker reads again.
my $sent = 500;
for my $mistake (
	[ 'TLS',       { %tls, 'ssl.ca.location' => $stranger->file }, qr/certificate verify failed/, 'an unknown certificate authority' ],
	[ 'TLS',       { 'security.protocol' => 'SSL' },               qr/certificate verify failed/, 'no certificate authority but the system\'s' ],
	[ 'EXPIRED',   {%tls},                                         qr/certificate verify failed|certificate has expired/, 'an expired certificate' ],
	[ 'ELSEWHERE', {%tls},                                         qr/certificate verify failed|hostname mismatch/, 'a certificate of another host' ],
	[ undef,       {%tls},                                         qr/SSL handshake failed/, 'TLS to a port without TLS' ],
	[ 'TLS',       {},                                             $no_tls, 'no TLS to a port with TLS' ],
	[ 'MTLS',      {%tls},                                         qr/certificate required|handshake failure|bad certificate/, 'no certificate of the worker' ],
	[
		'MTLS',
		{ %tls, 'ssl.certificate.location' => "$folder/impostor.pem", 'ssl.key.location' => "$folder/impostor.key" },
		# some versions of the client send no certificate if the broker does not trust its authority
		qr/unknown ca|certificate unknown|handshake failure|bad certificate|certificate required/,
		'a certificate of an authority that the broker does not know'
	],
	[ 'MTLS', { %mutual, 'ssl.key.password' => $wrong }, qr/ssl\.key\.location/, 'a wrong passphrase of the key',      'FAILED' ],
	[ 'MTLS', { %mutual, 'ssl.key.password' => '' },     qr/ssl\.key\.location/, 'no passphrase for an encrypted key', 'FAILED' ],
	[ 'TLS',  { %tls, 'ssl.ca.location' => "$folder/missing.pem" }, qr/ssl\.ca\.location/, 'no file of certificate authorities', 'FAILED' ],
	[ 'TLS',  { %tls, 'plugin.library.paths' => "$folder/evil" }, qr/plugin\.library\.paths.*run code/, 'a library for the server to load', 'FAILED' ])
{
	my ($listener, $properties, $reason, $what, $state) = @$mistake;
	$secrets->refused($kafka->brokers($listener), $properties, $reason, "$what: the reason names the mistake", $state);
	$secrets->use($kafka->brokers('TLS'), %tls);
	$kafka->produce($topic, reading_stream(10, 1, first => $sent));
	$node->wait_for_offsets($topic, $sent += 10);
}
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING after each mistake is corrected');

$secrets->assert_kept;
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
