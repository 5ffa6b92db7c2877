# The generator publishes its presets as JSON, JSON Schema, Avro and Protobuf to a real Kafka. The extension reads the same
# readings from each format. The schemas come from heartbeat_add_schema(), and there is no registry. The extension's preset
# `radar` reads the messages of the generator's three presets for RADAR-base. The keys of these messages are Avro too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my $top       = "$FindBin::RealBin/../..";
my $generator = "$top/build/generator/heartbeat-generator";
my $kafka     = Heartbeat::Kafka->new('formats');
$kafka->start;
my $node = Heartbeat::Cluster->create('formats', kafka => $kafka);

my @simulation = qw(--customers 3 --interval 0 --seed 5 --start-time 2026-11-22T10:00:00Z --count 60);
my $schemas    = 0;

sub publish
{
	my ($topic, @options) = @_;
	$kafka->create_topic($topic, 1);
	system_or_bail($generator, '-b', $kafka->brokers, '--topic', $topic, '--partitions', 1, '--quiet', @simulation, @options);
	return $topic;
}

sub add_schema
{
	my ($schema, $type) = @_;
	$node->query(sprintf 'SELECT heartbeat_add_schema(%d, $schema$%s$schema$, %s)', ++$schemas, $schema, "'$type'");
	return $schemas;
}

sub printed_schema
{
	my ($schema) = run_command([ $generator, '--print-schema', @_ ]);
	return $schema;
}

# Passes when the two given calls of heartbeat_try_source() return the same readings.
sub same_readings
{
	my ($one, $other, $what) = @_;
	my $rows = $node->query(
		"SELECT count(*) > 59, count(*) FILTER (WHERE a IS NULL OR b IS NULL), count(a.error_code), count(b.error_code)
		 FROM (SELECT * FROM heartbeat_try_source($one)) a
		 FULL JOIN (SELECT * FROM heartbeat_try_source($other)) b
		     ON (a.customer_id, a.device_id, a.heart_rate, a.event_timestamp, a.class)
		      = (b.customer_id, b.device_id, b.heart_rate, b.event_timestamp, b.class)");
	return is($rows, 't|0|0|0', $what);
}

my %mapping = slurp_file("$top/docs/sources.md") =~ /^`([\w-]+)`:\n\n```json\n(\{.*?\n\})\n```$/msg;

for my $preset (qw(heartbeat fhir-observation open-mhealth health-connect garmin-push))
{
	my $json = publish("$preset-json", '--preset', $preset);
	for my $format (qw(json-schema avro protobuf))
	{
		my @layout = ('--preset', $preset, '--format', $format);
		my $id     = add_schema(printed_schema(@layout), { avro => 'AVRO', protobuf => 'PROTOBUF', 'json-schema' => 'JSON' }->{$format});
		my $topic  = publish("$preset-$format", @layout, '--schema-id', $id);
		my $rest   = "mapping => '$mapping{$preset}'";
		same_readings("'$json', $rest", "'$topic', $rest, format => '$format'", "$preset: $format gives the readings of JSON");
		my ($bare) = $format eq 'json-schema' ? () : publish("$preset-bare-$format", @layout);
		same_readings("'$json', $rest", "'$bare', $rest, format => '$format', schema => \$schema\$" . printed_schema(@layout) . '$schema$',
			"$preset: $format without a frame gives the readings of JSON")
		  if $bare;
		is($node->query("SELECT format, fits FROM heartbeat_suggest_mapping('$topic') LIMIT 1"), "$format|60", "$preset: heartbeat suggests a mapping of $format");
	}
}

for my $preset (qw(radar radar-garmin radar-polar))
{
	my ($template) = run_command([ $generator, '--preset', $preset, '--print-template' ]);
	my $layout = JSON::PP->new->decode($template);
	my ($value, $key) = map { add_schema(JSON::PP->new->encode($layout->{$_}), 'AVRO') } qw(schema key_schema);
	my $topic = publish($preset, '--preset', $preset, '--schema-id', $value, '--key-schema-id', $key);
	my $json  = publish("$preset-json", '--preset', $preset, '--format', 'json');
	my $rows  = $node->query("SELECT count(*), count(DISTINCT customer_id), count(DISTINCT device_id), count(error_code)
		FROM heartbeat_try_source('$topic', preset => 'radar')");
	is($rows, '60|3|3|0', "$preset: the preset radar reads each message");
	my ($expected) = run_command([ $generator, @simulation, '--dry-run' ]);
	is( $node->query("SELECT string_agg(customer_id || ' ' || heart_rate, E'\n' ORDER BY customer_id, event_timestamp)
			FROM heartbeat_try_source('$topic', preset => 'radar')"),
		join("\n", map { "$_->{customer_id} $_->{heart_rate}" }
			sort { $a->{customer_id} cmp $b->{customer_id} || $a->{event_timestamp} cmp $b->{event_timestamp} }
			map { JSON::PP->new->decode($_) } split /\n/, $expected),
		"$preset: the readings are those of the own layout with the same seed");
	is($node->query("SELECT preset FROM heartbeat_suggest_mapping('$topic') LIMIT 1"), 'radar', "$preset: heartbeat suggests the preset radar");
	$node->query("SELECT heartbeat_add_source('$preset', '$topic', preset => 'radar')");
	$node->wait_for_offsets($topic, 60);
}
is($node->query("SELECT count(*) FROM heartbeat_dead_letters WHERE error_code <> 'CONFLICT'"), '0', 'no message of RADAR-base is a dead letter');
$node->assert_audit;
$node->assert_no_crash;
done_testing();
