# Tests SASL and ACLs with a real broker: the worker logs in as the configured user, and the documented ACLs are sufficient and
# necessary. If a right is missing, the status names the problem.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Certificates;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Secrets;

my $password = 'the-password';    # as in docs/security.md
my $wrong    = 'not-the-password-90c4';
my @users    = qw(heartbeat describer groupless stranger);
my $topic    = 'heartbeat-events';
my $folder   = PostgreSQL::Test::Utils::tempdir('certificates');
my $ca       = Heartbeat::Certificates->new($folder, 'ca');
my $keystore = $ca->issue('server', names => 'DNS:localhost');
my $modules  = 'org.apache.kafka.common.security';
my $plain    = join ' ', "$modules.plain.PlainLoginModule required", map { qq(user_$_="$password") } @users;

my $kafka = Heartbeat::Kafka->new(
	'sasl',
	listeners => { OPEN => 'SASL_PLAINTEXT', SECURE => 'SASL_SSL' },
	scram     => [ map { [ $_, $password ] } @users ],
	(
		map {
			("listener.name.$_.sasl.enabled.mechanisms"             => 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
				"listener.name.$_.plain.sasl.jaas.config"         => "$plain;",
				"listener.name.$_.scram-sha-256.sasl.jaas.config" => "$modules.scram.ScramLoginModule required;",
				"listener.name.$_.scram-sha-512.sasl.jaas.config" => "$modules.scram.ScramLoginModule required;")
		} qw(open secure)
	),
	'listener.name.secure.ssl.keystore.type'     => 'PEM',
	'listener.name.secure.ssl.keystore.location' => $keystore,
	'authorizer.class.name'                      => 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
	'super.users'                                => 'User:ANONYMOUS');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node    = Heartbeat::Cluster->create('sasl', settings => { 'log_min_messages' => 'debug1' });
my $secrets = Heartbeat::Secrets->new($node, $folder, $password, $wrong);
my %documented   = $secrets->documented('SASL_SSL');

# One user has the documented rights, and three users have fewer rights.
$secrets->grant_documented($kafka);
$kafka->tool('acls', '--add', '--allow-principal', 'User:describer', '--operation', 'Describe', '--topic', $topic);
$kafka->tool('acls', '--add', '--allow-principal', 'User:groupless', '--operation', 'Read', '--topic', $topic);

my $sent    = 0;
my $deliver = sub {
	my ($what) = @_;
	$kafka->produce($topic, reading_stream(10, 2, first => $sent));
	$sent += 10;
	$node->wait_for_offsets($topic, $sent / 2, $sent / 2);
	return $node->wait_for_state('RUNNING', undef, $what);
};

# Tests each mechanism of SASL. In a login by SCRAM, versions of librdkafka before 2.6.1 send their nonce twice, and Kafka 4 and
# newer refuse this login.
my $version  = sprintf '%d%03d%03d', split /\./, `pkg-config --modversion rdkafka`;
my $no_scram = $version < 2_006_001 && ($ENV{KAFKA_VERSION} // '4') !~ /^3\./;
for my $mechanism (qw(PLAIN SCRAM-SHA-256 SCRAM-SHA-512))
{
	my %changed = (%documented, 'sasl.mechanism' => $mechanism);
	if ($mechanism =~ /SCRAM/ && $no_scram)
	{
		$secrets->refused($kafka->brokers('SECURE'), \%changed, qr/credentials with SASL mechanism $mechanism/, "$mechanism: the reason names the mechanism");
		next;
	}
	$secrets->use($kafka->brokers('SECURE'), %changed);
	$deliver->("the worker logs in with $mechanism");
}
$secrets->use($kafka->brokers('SECURE'), %documented);
$deliver->('the worker logs in with the documented properties');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-consumer-group', $topic, ($sent / 2) x 2) ], [ ($sent / 2) x 2 ],
	'the consumer group has the committed offsets');

# When a broker closes the connection without a reason, an old version of librdkafka guesses the reason. A new version
# sometimes reports only that the broker has closed the connection.
my $no_sasl = $version < 2_012_000 ? qr/SASL authentication|security\.protocol/ : qr/SASL authentication|security\.protocol|closed by peer|Broken pipe|transport failure/;

# Each entry has a mistake in the configuration, and a pattern that the reason in the status must match. After a reload with the
# correct properties file the worker reads again.
for my $mistake (
	[ 'SECURE', { 'sasl.password' => $wrong },                              qr/[Aa]uthentication failed/, 'a wrong password' ],
	[ 'SECURE', { 'sasl.username' => 'nobody' },                            qr/[Aa]uthentication failed/, 'an unknown user' ],
	[ 'OPEN',   {},                                      qr/SSL handshake failed/, 'TLS to a port without TLS' ],
	[ 'OPEN',   { 'security.protocol' => 'PLAINTEXT' },  $no_sasl, 'no SASL to a port with SASL' ],
	[ 'SECURE', { 'sasl.username' => 'stranger' },       qr/[Aa]uthorization failed/, 'a user without rights' ],
	[ 'SECURE', { 'sasl.username' => 'describer' },      qr/[Aa]uthorization failed/, 'a user who may describe the topic but not read it' ])
{
	my ($listener, $properties, $reason, $what, $state) = @$mistake;
	$secrets->refused($kafka->brokers($listener), { %documented, %$properties }, $reason, "$what: the reason names the mistake", $state);
	$secrets->use($kafka->brokers('SECURE'), %documented);
	$deliver->('the correct file and a reload end the mistake');
}
is($node->query('SELECT count(*) FROM heartbeat_offsets WHERE lost_at IS NOT NULL'), 0, 'a missing right does not mean that the topic was deleted');

# A worker reads the topic even if its user has no right to commit offsets: it continues at the offsets in heartbeat_offsets.
# The committed offsets of the group are only for tools that show the consumer lag.
$secrets->use($kafka->brokers('SECURE'), %documented, 'sasl.username' => 'groupless');
$deliver->('a user without a right on the consumer group reads the topic') for 1 .. 3;
my $since = $node->status->{since};
$kafka->produce($topic, reading_stream(10, 2, first => $sent));
$sent += 10;
$node->wait_for_offsets($topic, $sent / 2, $sent / 2);
is($node->status->{since}, $since, 'the worker stays RUNNING without a right on the consumer group');

# A right is revoked and granted again while the worker runs.
$secrets->use($kafka->brokers('SECURE'), %documented);
$deliver->('the worker reads before the right is revoked');
my @right = ('--allow-principal', 'User:heartbeat', '--operation', 'Read', '--topic', $topic);
$kafka->tool('acls', '--remove', '--force', @right);
$kafka->produce($topic, reading_stream(10, 2, first => $sent));
$sent += 10;
$secrets->said('CONNECTING', qr/[Aa]uthorization failed/, 'the reason names a revoked right');
$kafka->tool('acls', '--add', @right);
$node->wait_for_offsets($topic, $sent / 2, $sent / 2);
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING again when the right is granted again');

# The properties file has wrong lines. No error text contains the password, not even the error of an operator's seek.
$node->query('SELECT heartbeat_pause()');
for my $line ("sasl.password $wrong", "sasl.password: $wrong=", "$wrong=", "sasl.passwd=$wrong", "sasl.mechanism=$wrong", "security.protocol=$wrong")
{
	$secrets->write("security.protocol=SASL_SSL\n$line\n");
	like($secrets->show($node->query_error('SELECT * FROM heartbeat_seek(now())')), qr/kafka_config_file|mechanism/,
		'the error for a wrong line names the file or the setting, not the secret');
}
$secrets->write(join '', map { "$_=$documented{$_}\n" } grep { $_ ne 'sasl.password' } keys %documented);
like($secrets->show($node->query_error('SELECT * FROM heartbeat_seek(now())')), qr/password/, 'the error names the missing password');
$secrets->write(join "\n", (map { "$_=$documented{$_}" } keys %documented), "sasl.password=$wrong", '');
like($secrets->show($node->query_error('SELECT * FROM heartbeat_seek(now())')), qr/[Aa]uthentication failed/, 'the error for a wrong password names the authentication');
$node->query('SELECT heartbeat_resume()');

$secrets->assert_kept;
$secrets->use($kafka->brokers('SECURE'), %documented);
$deliver->('the worker reads again with the documented properties');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
