# Reads heartbeat_metrics as Prometheus does: examples/prometheus/metrics.sql renders the view, and Prometheus' own parser parses
# the result. The values must agree with the tables. Each query of the example configurations also runs as the reader role.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $top   = "$FindBin::RealBin/../..";
my $kafka = Heartbeat::Kafka->new('metrics');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $node = Heartbeat::Cluster->create('metrics', kafka => $kafka);
$node->query(grants_of('heartbeat_reader'));
$node->query('ALTER ROLE heartbeat_reader LOGIN');

# Runs a query or a file of queries as the reader role, and returns the result. An error ends the test.
sub read_as_reader
{
	my ($sql, @options) = @_;
	my ($status, $output, $error) = $node->psql('heartbeat', $sql, extra_params => [ '-U', 'heartbeat_reader', @options ]);
	die "$sql: $error" if $status != 0;
	return $output;
}

sub python
{
	my ($input, @arguments) = @_;
	my ($output, $error);
	IPC::Run::run([ 'python3', "$FindBin::RealBin/lib/prometheus.py", @arguments ], '<', \$input, '>', \$output, '2>', \$error)
	  or die "python3: $error";
	return JSON::PP::decode_json($output);
}

# Returns all samples as { 'name{label=value,...}' => value }, and the families as { name => family }.
sub scrape
{
	my (%samples, %families);
	for my $family (@{ python(read_as_reader(slurp_file("$top/examples/prometheus/metrics.sql")) . "\n") })
	{
		is($families{ $family->{name} }, undef, "all samples of $family->{name} are in one block");
		$families{ $family->{name} } = $family;
		for my $sample (@{ $family->{samples} })
		{
			my ($name, $labels, $value) = @$sample;
			my $key = "$name\{" . join(',', map { "$_=$labels->{$_}" } sort keys %$labels) . '}';
			is($samples{$key}, undef, "there is one sample $key") if exists $samples{$key};
			$samples{$key} = $value;
		}
	}
	return (\%samples, \%families);
}

$feed->publish(1000);
$kafka->produce("heartbeat-events", { partition => 1, value => "garbage" });
my @twice = reading_stream(2, 2, start => int(time) - 3600);
$kafka->produce('heartbeat-events', @twice) for 1 .. 2;
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
$node->wait_for_query('SELECT state, lag_messages FROM heartbeat_status', 'RUNNING|0', 'all messages are read before the first scrape');
my ($samples, $families) = scrape();

my @states = map { $samples->{"heartbeat_state{state=$_}"} } qw(RUNNING PAUSED CONNECTING RETRYING STALLED FAILED STOPPED);
is("@states", '1 0 0 0 0 0 0', 'one state has the value 1');
my $sum = sub { my ($name, $label) = @_; my $sum = 0; $sum += $samples->{$_} for grep { /^\Q$name\E\{.*$label/ } keys %$samples; return $sum; };
is( join('|', map { $sum->('heartbeat_readings_total', "result=$_") } qw(record anomaly duplicate)) . '|' . $sum->('heartbeat_dead_letters', ''),
	$node->query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets'), 'the counters of readings equal heartbeat_offsets');
is(join('|', map { $sum->('heartbeat_messages_total', "result=$_") } qw(decoded ignored)) . '|' . $sum->('heartbeat_conflicts', ''),
	$node->query('SELECT sum(messages), sum(ignored), sum(conflicts) FROM heartbeat_offsets'), 'the counters of messages and conflicts equal heartbeat_offsets');
cmp_ok($sum->('heartbeat_readings_total', 'result=duplicate'), '>', 0, 'the duplicates are counted');
is($sum->('heartbeat_anomalies_total', 'type='), $sum->('heartbeat_readings_total', 'result=anomaly'), 'the anomalies of all types add up to all anomalies');
is($sum->('heartbeat_offsets_total', ''), $feed->count + 5, 'the offsets of all partitions add up to all messages');
is($samples->{"heartbeat_lag_$_\{partition=1,source=default,topic=heartbeat-events}"}, 0, "heartbeat_lag_$_ is 0") for qw(messages seconds);
cmp_ok(abs($samples->{'heartbeat_last_message_timestamp_seconds{partition=1,source=default,topic=heartbeat-events}'} - time), '<', 60, 'timestamps are in seconds since 1970');
is($samples->{'heartbeat_next_offset{partition=1,source=default,topic=heartbeat-events}'}, $samples->{'heartbeat_high_watermark{partition=1,source=default,topic=heartbeat-events}'}, 'the next offset equals the high watermark');
is("$samples->{'heartbeat_workers{}'} $samples->{'heartbeat_workers_wanted{}'}", '1 1', 'one worker runs of one wanted');

# The gauge of unresolved dead letters falls when a person deletes a dead letter. The counter dead_letters does not fall.
my $dead_letters = q{SELECT sum(value) FROM heartbeat_metrics WHERE name = 'heartbeat_dead_letters'};
is($node->query($dead_letters), 1, 'one dead letter is unresolved');
$node->query(q{DELETE FROM heartbeat_dead_letters WHERE payload = 'garbage'});
is($node->query("$dead_letters UNION ALL SELECT sum(dead_letters) FROM heartbeat_offsets"), "0\n1", 'heartbeat_dead_letters is 0 after a person has deleted the dead letter');

# The histogram must follow Prometheus' rules.
my $batches = $families->{heartbeat_batch_seconds};
is($batches->{type}, 'histogram', 'heartbeat_batch_seconds is a histogram');
my @counts = map { $_->[2] } grep { $_->[0] eq 'heartbeat_batch_seconds_bucket' } @{ $batches->{samples} };
is_deeply(\@counts, [ sort { $a <=> $b } @counts ], 'the histogram does not fall from bucket to bucket');
is($samples->{'heartbeat_batch_seconds_bucket{le=+Inf}'}, $samples->{'heartbeat_batch_seconds_count{}'}, 'the last bucket equals the count');
cmp_ok($samples->{'heartbeat_batch_seconds_count{}'}, '>', 0, 'the histogram counts batches');
cmp_ok($samples->{'heartbeat_batch_seconds_sum{}'}, '>', 0, 'the sum of the batch times is above 0');

# Tests the naming rules of Prometheus.
is_deeply([ grep { !/^heartbeat_[a-z_]+$/ } keys %$families ], [], 'each name begins with heartbeat_');
# the parser removes _total from a counter's name, as OpenMetrics does
is_deeply([ grep { $families->{$_}{type} eq 'unknown' || $families->{$_}{help} eq '' } keys %$families ], [], 'each family has a type and a help text');
is_deeply([ grep { /_total\{/ } keys %$samples ], [ grep { my $key = $_; grep { $_->{type} eq 'counter' && index($key, "$_->{name}_total{") == 0 } values %$families } keys %$samples ],
	'only counters end with _total');
cmp_ok(scalar(grep { $_->{type} eq 'counter' } values %$families), '>=', 3, 'at least three families are counters');

# No counter decreases when a seek makes the worker read messages again. The metrics show a pause and a lag.
$node->query("SELECT heartbeat_pause(); SELECT heartbeat_seek(0, 0)");
my ($paused) = scrape();
is("$paused->{'heartbeat_state{state=PAUSED}'} $paused->{'heartbeat_state{state=RUNNING}'}", '1 0', 'the state is PAUSED at once after heartbeat_pause()');
my @fallen = grep { /_total\{|_count\{|_bucket\{/ && $paused->{$_} < $samples->{$_} } keys %$samples;
is_deeply(\@fallen, [], 'no counter is lower after a seek back');
$node->wait_for_query("SELECT value FROM heartbeat_metrics WHERE name = 'heartbeat_lag_messages' AND labels->>'partition' = '0'",
	$samples->{'heartbeat_next_offset{partition=0,source=default,topic=heartbeat-events}'}, 'the messages that the worker must replay count as lag');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));

# For each query, the example configurations list the columns of the result. The query must return all these columns.
my ($queries, $collector) = @{ python('', map { "$top/examples/prometheus/$_" } qw(queries.yaml heartbeat.collector.yml)) };
my %names = map { $_ => 1 } split /\n/, $node->query("SELECT DISTINCT name FROM heartbeat_metrics");
for my $name (sort keys %$queries)
{
	my $query   = $queries->{$name};
	my %columns = map { %$_ } @{ $query->{metrics} };
	my @lines   = split /\n/, read_as_reader($query->{query});
	cmp_ok(scalar @lines, '>', 0, "queries.yaml: $name has rows");
	read_as_reader("CREATE TEMP VIEW v AS $query->{query}; " . join '', map { "SELECT $_ FROM v;" } keys %columns);
	my @values = grep { $columns{$_}{usage} ne 'LABEL' } keys %columns;
	is_deeply([ grep { !$names{"${name}_$_"} } @values ], [], "queries.yaml: each metric of $name exists in heartbeat_metrics");
}
for my $metric (@{ $collector->{metrics} })
{
	my $rows = read_as_reader("SELECT count(*) FROM (SELECT " . join(', ', @{ $metric->{key_labels} }, @{ $metric->{values} }) . " FROM ($metric->{query}) q) r");
	cmp_ok($rows, '>', 0, "heartbeat.collector.yml: $metric->{metric_name} has rows");
	is( "$metric->{type} $metric->{help}",
		$node->query("SELECT DISTINCT type || ' ' || help FROM heartbeat_metrics WHERE name = '$metric->{metric_name}'"), "heartbeat.collector.yml: $metric->{metric_name} has the type and the help of heartbeat_metrics");
}

# The workers serve only the database heartbeat.database. In another database, no view shows the data of these workers.
$node->safe_psql('postgres', 'CREATE EXTENSION heartbeat');
my @internal = qw(batch_times maintenance_duties partition_states source_states);
is($node->safe_psql('postgres', join(' UNION ALL ', map { "SELECT '$_' FROM heartbeat_$_()" } @internal)), '', 'another database does not show the state of the workers');
is($node->safe_psql('postgres', 'SELECT heartbeat_announcements_dropped()'), '', 'another database does not show the dropped announcements');
is($node->safe_psql('postgres', "SELECT count(*) FROM heartbeat_metrics WHERE name LIKE 'heartbeat_maintenance%'"), 0, 'another database has no metrics of the duties');

$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
