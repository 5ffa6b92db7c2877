# This program starts a pipeline. The tables of the pipeline have the readings of a quarter of an hour and some dead letters, and
# a generator publishes further readings all the time. The program also starts a Grafana with the provisioning of this project,
# and runs take.mjs, which makes pictures of this Grafana. script/screenshots runs this program.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/t/lib";
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $top       = "$FindBin::RealBin/..";
my $generator = "$top/build/generator/heartbeat-generator";
my $grafana   = $ENV{GRAFANA};
my $folder    = "$top/grafana-home";
my @started;

sub start_program
{
	my ($log, %environment) = @{ shift() };
	my @command = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		%ENV = (%ENV, %environment);
		open STDOUT, '>', $log or die "$log: $!";
		open STDERR, '>&', \*STDOUT;
		exec @command or die "@command: $!";
	}
	push @started, $pid;
	return;
}
END { local $?; kill 'TERM', @started; waitpid $_, 0 for @started; }

# The pipeline.
my $kafka = Heartbeat::Kafka->new('screenshots');
$kafka->start;
$kafka->create_topic('heartbeat-events', 3);
my $node = Heartbeat::Cluster->create('screenshots', kafka => $kafka, settings => { listen_addresses => '127.0.0.1', 'heartbeat.workers' => 2 });
$node->query($_) for grep { /\S/ } split /;\n/, slurp_file("$top/grafana/reader.sql");
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('garbage', 'dead_letters', 3, NULL), ('not running', 'state', NULL, '1 minute')");
my @to = ('-b', $kafka->brokers, '--quiet');
my $began = strftime '%Y-%m-%dT%H:%M:%SZ', gmtime time - 900;
system($generator, @to, qw(--interval 0 --seed 7 --duration 895 --start-time), $began) == 0 or die 'the generator failed';
# besides the simulated customers, some customers have a heart rate that rises and falls
for my $i (1 .. 6)
{
	$kafka->produce('heartbeat-events', map {
		{
			partition => $i % 3,
			value     => reading("WARD-$i&$i", int(90 + 70 * sin($_ / 140 + $i) + 3 * cos($_)), reading_time(time - 900 + $_))
		}
	} 1 .. 890);
}
$kafka->produce('heartbeat-events', map { { partition => $_ % 3, value => $_ % 2 ? '{"customer_id":"CUST-0007","bpm":71,"event_timestamp":"2026-11-23T02:00:00Z"}' : "garbage $_" } } 1 .. 7);
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 0, 'all is read');
$node->query("SELECT heartbeat_pause('the disk is being replaced')");
$node->wait_for_state('PAUSED');
$node->query('SELECT heartbeat_resume()');
start_program([ "$top/generator.log" ], $generator, @to);
# messages_per_second is the rate of the last minute. At this point this minute still contains the messages that the program has
# published above, so the program waits.
$node->poll_query_until('heartbeat', 'SELECT messages_per_second BETWEEN 30 AND 45 FROM heartbeat_status') or die 'messages_per_second in heartbeat_status does not reach the rate of the generator';

open my $status, '>', "$top/status.txt" or die $!;
print $status "heartbeat=# SELECT * FROM heartbeat_status \\gx\n", scalar `psql -X -h @{[ $node->host ]} -p @{[ $node->port ]} heartbeat -c '\\x' -c 'SELECT * FROM heartbeat_status' | tail -n +2`,
  "heartbeat=# SELECT partition, next_offset, lag_messages, records, anomalies, dead_letters FROM heartbeat_partitions ORDER BY partition;\n",
  scalar `psql -X -h @{[ $node->host ]} -p @{[ $node->port ]} heartbeat -c 'SELECT partition, next_offset, lag_messages, records, anomalies, dead_letters FROM heartbeat_partitions ORDER BY partition'`;
close $status;

# Starts Grafana with a copy of the provisioning in $folder. The copy names a path in $folder where the original names
# /etc/grafana.
mkdir $folder;
system('cp', '-R', "$top/grafana/provisioning", "$folder/provisioning") == 0 or die;
my $provider = "$folder/provisioning/dashboards/heartbeat.yaml";
my $text     = slurp_file($provider) =~ s{path: /etc/grafana/}{path: $folder/}r;
open my $file, '>', $provider or die $!;
print $file $text;
close $file;
my $port = PostgreSQL::Test::Cluster::get_free_port();
start_program([ "$top/grafana.log",
		GF_PATHS_PROVISIONING => "$folder/provisioning", GF_PATHS_DATA => "$folder/data", GF_PATHS_LOGS => "$folder/log", GF_PATHS_PLUGINS => "$folder/plugins",
		GF_SERVER_HTTP_ADDR => '127.0.0.1', GF_SERVER_HTTP_PORT => $port, GF_ANALYTICS_REPORTING_ENABLED => 'false', GF_ANALYTICS_CHECK_FOR_UPDATES => 'false',
		GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES => 'false', GF_PLUGINS_PREINSTALL_DISABLED => 'true', GF_NEWS_NEWS_FEED_ENABLED => 'false',
		GRAFANA_DB_HOST => '127.0.0.1:' . $node->port, GRAFANA_DB_NAME => 'heartbeat', GRAFANA_DB_PASSWORD => 'unused' ],
	"$grafana/bin/grafana", 'server', '--homepath', $grafana);
mkdir "$top/pictures";
my $took = system('node', "$FindBin::RealBin/take.mjs", "http://127.0.0.1:$port", $top);
note slurp_file("$top/grafana.log") if $took != 0;
is($took, 0, 'each panel is drawn, and the pictures are made');
$node->assert_no_crash;
$kafka->stop;
done_testing();
