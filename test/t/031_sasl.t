# SASL and ACLs with a real broker: who the worker says it is, what that one may do, and what the worker says when it may not.

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

my $password = 'the-password';    # docs/security.md has it
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

# The documented rights, and three who have less.
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

# Each mechanism. librdkafka before 2.6.1 sends its nonce twice in SCRAM, and Kafka refuses that from version 4 on.
my $version  = sprintf '%d%03d%03d', split /\./, `pkg-config --modversion rdkafka`;
my $no_scram = $version < 2_006_001 && ($ENV{KAFKA_VERSION} // '4') !~ /^3\./;
for my $mechanism (qw(PLAIN SCRAM-SHA-256 SCRAM-SHA-512))
{
	my %changed = (%documented, 'sasl.mechanism' => $mechanism);
	if ($mechanism =~ /SCRAM/ && $no_scram)
	{
		$secrets->refused($kafka->brokers('SECURE'), \%changed, qr/credentials with SASL mechanism $mechanism/, "$mechanism is refused in words");
		next;
	}
	$secrets->use($kafka->brokers('SECURE'), %changed);
	$deliver->("$mechanism lets the worker in");
}
$secrets->use($kafka->brokers('SECURE'), %documented);
$deliver->('the documented properties let the worker in');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-consumer-group', $topic, ($sent / 2) x 2) ], [ ($sent / 2) x 2 ],
	'and the group has its positions');

# Newer librdkafka no longer guesses why the broker has hung up.
my $no_sasl = $version < 2_012_000 ? qr/SASL authentication|security\.protocol/ : qr/SASL authentication|security\.protocol|closed by peer|Broken pipe|transport failure/;

# What each mistake is called, and that the right file and a reload end it.
for my $mistake (
	[ 'SECURE', { 'sasl.password' => $wrong },                              qr/[Aa]uthentication failed/, 'a wrong password' ],
	[ 'SECURE', { 'sasl.username' => 'nobody' },                            qr/[Aa]uthentication failed/, 'an unknown user' ],
	[ 'OPEN',   {},                                      qr/SSL handshake failed/, 'TLS to a port without it' ],
	[ 'OPEN',   { 'security.protocol' => 'PLAINTEXT' },  $no_sasl, 'no SASL to a port with it' ],
	[ 'SECURE', { 'sasl.username' => 'stranger' },       qr/[Aa]uthorization failed/, 'a user without rights' ],
	[ 'SECURE', { 'sasl.username' => 'describer' },      qr/[Aa]uthorization failed/, 'a user who may see the topic and not read it' ])
{
	my ($listener, $properties, $reason, $what, $state) = @$mistake;
	$secrets->refused($kafka->brokers($listener), { %documented, %$properties }, $reason, "$what: the reason says so", $state);
	$secrets->use($kafka->brokers('SECURE'), %documented);
	$deliver->('the right file and a reload end it');
}
is($node->query('SELECT count(*) FROM heartbeat_offsets WHERE lost_at IS NOT NULL'), 0, 'a right that is missing is no topic that was deleted');

# Positions in Kafka's group are for lag tools: who may not write them reads all the same.
$secrets->use($kafka->brokers('SECURE'), %documented, 'sasl.username' => 'groupless');
$deliver->('a user without a right on the group reads on') for 1 .. 3;
my $since = $node->status->{since};
$kafka->produce($topic, reading_stream(10, 2, first => $sent));
$sent += 10;
$node->wait_for_offsets($topic, $sent / 2, $sent / 2);
is($node->status->{since}, $since, 'without an interruption');

# A right that is taken away and given back while the worker runs.
$secrets->use($kafka->brokers('SECURE'), %documented);
$deliver->('the worker reads');
my @right = ('--allow-principal', 'User:heartbeat', '--operation', 'Read', '--topic', $topic);
$kafka->tool('acls', '--remove', '--force', @right);
$kafka->produce($topic, reading_stream(10, 2, first => $sent));
$sent += 10;
$secrets->said('CONNECTING', qr/[Aa]uthorization failed/, 'a right that is taken away is named');
$kafka->tool('acls', '--add', @right);
$node->wait_for_offsets($topic, $sent / 2, $sent / 2);
$node->wait_for_state('RUNNING', undef, 'and given back, reading goes on by itself');

# Lines that went wrong: what is said of them has none of the password, also not to an operator who seeks.
$node->query('SELECT heartbeat_pause()');
for my $line ("sasl.password $wrong", "sasl.password: $wrong=", "$wrong=", "sasl.passwd=$wrong", "sasl.mechanism=$wrong", "security.protocol=$wrong")
{
	$secrets->write("security.protocol=SASL_SSL\n$line\n");
	like($secrets->show($node->query_error('SELECT * FROM heartbeat_seek(now())')), qr/kafka_config_file|mechanism/,
		'a line that went wrong is named by its number');
}
$secrets->write(join '', map { "$_=$documented{$_}\n" } grep { $_ ne 'sasl.password' } keys %documented);
like($secrets->show($node->query_error('SELECT * FROM heartbeat_seek(now())')), qr/password/, 'a missing password is named');
$secrets->write(join "\n", (map { "$_=$documented{$_}" } keys %documented), "sasl.password=$wrong", '');
like($secrets->show($node->query_error('SELECT * FROM heartbeat_seek(now())')), qr/[Aa]uthentication failed/, 'so is a wrong one');
$node->query('SELECT heartbeat_resume()');

$secrets->assert_kept;
$secrets->use($kafka->brokers('SECURE'), %documented);
$deliver->('and all is well');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
