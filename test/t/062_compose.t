# Tests the parts of the compose setup that need no containers: its variables, the scripts that create the database, and the
# health checks. Each health check must also fail when the service does not work. On a machine that can run containers,
# docker/check tests the running containers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use File::Basename qw(basename);
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my $top       = "$FindBin::RealBin/../..";
my $generator = "$top/build/generator/heartbeat-generator";

sub answer_of { my ($output, $error) = run_command([@_]); return $output; }

my $compose  = slurp_file("$top/docker-compose.yml");
my $services = JSON::PP::decode_json(
	answer_of('python3', '-c', 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))', "$top/docker-compose.yml"))->{services};
my %example = slurp_file("$top/.env.example") =~ /^(\w+)=(.*)$/mg;

# Tests the variables.
my %options;
for (split /^  -/m, answer_of($generator, '--help'))
{
	my ($variable) = /\[env:\s+(\w+)\]/ or next;
	($options{$variable}) = (/\[default:\s+([^\]]*)\]/, '');
}
cmp_ok(keys %options, '>', 15, 'the generator has more than 15 variables');
is_deeply({ map { $_ => $example{$_} } grep { /^HEARTBEAT_/ } keys %example }, \%options, '.env.example has the generator\'s variables with their defaults');

my %defaults;
$defaults{$1}{$2}++ while $compose =~ /\$\{(\w+):?-?([^}]*)\}/g;
cmp_ok(keys %defaults, '>', 15, 'docker-compose.yml has more than 15 variables');
my @wrong = grep { my $name = $_; !exists $example{$name} || grep { $_ ne '' && $_ ne $example{$name} } keys %{ $defaults{$name} } } keys %defaults;
is("@wrong", '', 'each variable of docker-compose.yml is in .env.example, with the same default');
# docker-compose.yml does not pass these variables, because a container cannot use a file or an embedded broker of the host
my @passed = grep { !/^HEARTBEAT_(?:CONFIG_FILE|EMBEDDED_BROKER|REPLAY|TEMPLATE|PRINT_TEMPLATE|SCHEMA|KEY_SCHEMA|PRINT_SCHEMA)$/ } grep { /^HEARTBEAT_/ } keys %example;
is_deeply([ sort keys %{ $services->{generator}{environment} } ], [ sort @passed ], 'docker-compose.yml passes the generator its variables');
is($services->{generator}{environment}{HEARTBEAT_BROKERS}, 'kafka:9093', 'docker-compose.yml passes the generator the Kafka of the containers');

my ($postgres) = slurp_file("$top/docker/postgres/Dockerfile") =~ /^ARG POSTGRES_VERSION=(\d+)$/m;
is($postgres, $example{POSTGRES_VERSION}, '.env.example and the Dockerfile have the same version of PostgreSQL');
my @images = (map { $_->{build} ? () : $_->{image} } values %$services), map { slurp_file($_) =~ /^FROM (\S+)/mg } glob "$top/docker/*/Dockerfile";
is(join(' ', grep { !/:[^:]*\d[^:]*$|:\$\{POSTGRES_VERSION\}-bookworm$|^debian:bookworm-slim$/ } @images), '', 'every image has a fixed version');

# Creates the database as the entrypoint of the image does.
my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('compose');
$kafka->start;
my $node = Heartbeat::Cluster->create('compose', kafka => $kafka, database => 'heartbeat_db', extension => 0);
$node->query('CREATE ROLE heartbeat_user SUPERUSER LOGIN');
local @ENV{qw(PGHOST PGPORT POSTGRES_USER POSTGRES_DB GRAFANA_DB_PASSWORD)} =
  ($node->host, $node->port, 'heartbeat_user', 'heartbeat_db', q(it's a "secret" $1\\));

my %scripts = map { basename($_) => $_ } glob "$top/docker/postgres/initdb/*";
my $dockerfile = slurp_file("$top/docker/postgres/Dockerfile");
$scripts{ basename($2) } = "$top/$1" while $dockerfile =~ m{^COPY (\S+) (/docker-entrypoint-initdb\.d/\S+)$}mg;
is(join(' ', sort keys %scripts), '10-heartbeat.sql 20-grafana-reader.sql 30-passwords.sh', 'three scripts create the database');
for my $name (sort keys %scripts)
{
	my @command = $name =~ /\.sh$/ ? $scripts{$name} : (qw(psql -X -q -v ON_ERROR_STOP=1 -U heartbeat_user -d heartbeat_db -f), $scripts{$name});
	is(system_log(@command), 0, "$name succeeds");
}
my @settings = grep { /^heartbeat\./ } map { /^([a-z_.]+)=/ ? $1 : () } @{ $services->{postgres}{command} };
is($node->query('SELECT count(*) FROM pg_settings WHERE name IN (' . join(', ', map { "'$_'" } @settings) . ')'), 3, 'the settings in the command of the server exist');

# In the profile `registry`, this statement adds a source. The source reads the topic to which the generator publishes Avro.
my $add_source = $services->{'registry-source'}{command}[-1];
$node->query($add_source) for 1 .. 2;    # the second call changes nothing
is($node->query("SELECT topic, format, schema_registry FROM heartbeat_sources WHERE name = 'radar'"),
	join('|', $services->{'generator-avro'}{environment}{HEARTBEAT_TOPIC}, 'avro', $services->{'generator-avro'}{environment}{HEARTBEAT_SCHEMA_REGISTRY}),
	'registry-source adds a source that reads the topic of generator-avro');
$node->query("SELECT heartbeat_drop_source('radar')");

sub as_reader
{
	my ($password, @statements) = @_;
	local $ENV{PGPASSWORD} = $password;
	my ($output, $error) = run_command([ qw(psql -XAtq -w -v ON_ERROR_STOP=1 -U grafana_reader -d heartbeat_db), map { ('-c', $_) } @statements ]);
	return $output . $error;
}
my $access = $node->data_dir . '/pg_hba.conf';
my $rules  = slurp_file($access);
unlink $access;
append_to_file($access, "local all grafana_reader scram-sha-256\n$rules");
$node->reload;
like(as_reader('wrong', 'SELECT 1'), qr/password authentication failed/, "the role of Grafana needs a password");
is(as_reader($ENV{GRAFANA_DB_PASSWORD}, "SELECT count(*) FROM heartbeat_records", "SELECT count(*) FROM vw_recent_anomalies"), "0\n0", 'the role of Grafana reads with its password');
like(as_reader($ENV{GRAFANA_DB_PASSWORD}, 'DELETE FROM heartbeat_anomalies'), qr/read-only transaction|permission denied/, 'the role of Grafana cannot write');
like(as_reader($ENV{GRAFANA_DB_PASSWORD}, 'SET default_transaction_read_only = off', 'DELETE FROM heartbeat_anomalies'), qr/permission denied/, 'the role of Grafana cannot write, even if it has changed default_transaction_read_only');

# Runs the command of a health check in docker-compose.yml. In this command the test replaces the container's addresses and
# files by the addresses and files of the test.
sub health_check
{
	my ($service, %names) = @_;
	my ($kind, $command) = @{ $services->{$service}{healthcheck}{test} };
	$command = "$top/docker/kafka/serves" . ($names{port} // '') if $kind eq 'CMD';
	$command =~ s/\Q$_\E/$names{$_}/ for keys %names;
	return sub { return system("($command) > /dev/null 2>&1") == 0; };
}

sub becomes
{
	my ($what, $wanted, $check) = @_;
	my $deadline = time + 30;
	usleep(50_000) until !$check->() == !$wanted || time > $deadline;
	is(!!$check->(), !!$wanted, $what);
	return;
}

my $alive     = PostgreSQL::Test::Utils::tempdir('alive') . '/alive';
my $kafka_is  = health_check('kafka', port => ' ' . $kafka->brokers =~ s/.*://r);
my $server_is = health_check('postgres', '-h 127.0.0.1' => '');
my $generator_is = health_check('generator', '/run/heartbeat/alive' => $alive, '30 seconds' => '2 seconds');

becomes('a running Kafka is healthy', 1, $kafka_is);
becomes('the generator is not healthy before it runs', 0, $generator_is);
local $ENV{HEARTBEAT_ALIVE_FILE} = $alive;
my $run = IPC::Run::start([ $generator, '-b', $kafka->brokers, '--topic', $topic, '-X', 'message.timeout.ms=300000' ], '>', '/dev/null', '2>', \my $errors);
becomes('a running generator is healthy', 1, $generator_is);
$node->wait_for_query('SELECT count(*) > 0 FROM heartbeat_records', 't', 'readings arrive');
becomes('a server that stores readings is healthy', 1, $server_is);

$kafka->freeze;
# A wrong health check would connect to the frozen Kafka, wait for no answer, and succeed. The test must detect this, so it runs
# the check only once: while Kafka is frozen, the kernel keeps new connections in a queue. Repeated checks would fill the queue,
# and then the wrong check would also fail.
ok(!$kafka_is->(), 'a frozen Kafka is not healthy');
becomes('a generator whose readings are not delivered is not healthy', 0, $generator_is);
is($server_is->(), 1, 'a server is healthy while Kafka is frozen, because ingest continues without help');
$kafka->thaw;
becomes('the generator is healthy again when Kafka answers', 1, $generator_is);

$node->query("SELECT heartbeat_pause('a look')");
is($server_is->(), 1, 'a server with paused ingest is healthy');
$node->query('SELECT heartbeat_resume()');
$run->signal('TERM');
$run->finish;
is($run->full_result(0), 0, 'the generator delivers all readings and ends with status 0 at SIGTERM') or diag $errors;
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
$node->set('heartbeat.kafka_config_file' => '/nonexistent');
becomes('a server whose worker is FAILED is not healthy', 0, $server_is);
$node->wait_for_state('FAILED', undef, 'the worker is FAILED because of kafka_config_file');
$node->set('heartbeat.kafka_config_file' => '');
becomes('the server is healthy again when the setting is corrected', 1, $server_is);
$node->set('heartbeat.brokers' => '');
becomes('a server without brokers is not healthy', 0, $server_is);
$kafka->stop;
becomes('a stopped Kafka is not healthy', 0, $kafka_is);

$node->assert_audit;
$node->assert_no_crash;
done_testing();
