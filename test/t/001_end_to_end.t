# Follows readings from Kafka to the views. heartbeat consumes, classifies, stores and counts the readings, and sends
# notifications of the anomalies. The views of heartbeat show the readings, and Kafka's own tools show the committed offsets.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('main');
$kafka->start;
$kafka->create_topic('heartbeat-events', 3);
my $node = Heartbeat::Cluster->create('main', kafka => $kafka, owner => 'heartbeat_owner');

my $now  = time - 600;
my $at   = sub { reading_time($now + $_[0], $_[1] // 0) };
my @each = (
	# each row: the customer, the heart rate as published, the class
	[ 'CUST-0001', '74',                 'NORMAL' ],
	[ 'CUST-0002', '40',                 'NORMAL' ],
	[ 'CUST-0003', '180',                'NORMAL' ],
	[ 'CUST-0004', '72.123456789',       'NORMAL' ],
	[ 'CUST-0005', '39.999999999999',    'BRADYCARDIA' ],
	[ 'CUST-0006', '1e-3',               'BRADYCARDIA' ],
	[ 'CUST-0007', '180.00000000000003', 'TACHYCARDIA' ],
	[ 'CUST-0008', '300',                'TACHYCARDIA' ],
	[ 'CUST-0009', '0',                  'INVALID' ],
	[ 'CUST-0010', '-5',                 'INVALID' ],
	[ 'CUST-0011', '300.5',              'INVALID' ]);

my $listener = $node->background_psql('heartbeat');
$listener->query_safe('LISTEN heartbeat_anomaly');

my $second = 0;
$kafka->produce('heartbeat-events',
	map { { partition => $second % 3, key => $_->[0], value => reading($_->[0], $_->[1], $at->($second++, 123456)) } } @each);
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));

is( $node->query('SELECT customer_id, heart_rate FROM heartbeat_records ORDER BY customer_id'),
	"CUST-0001|74\nCUST-0002|40\nCUST-0003|180\nCUST-0004|72.123456789",
	'normal readings are stored exactly');
is( $node->query('SELECT customer_id, heart_rate, anomaly_type FROM heartbeat_anomalies ORDER BY customer_id'),
	"CUST-0005|39.999999999999|BRADYCARDIA\nCUST-0006|0.001|BRADYCARDIA\nCUST-0007|180.00000000000003|TACHYCARDIA\n"
	  . "CUST-0008|300|TACHYCARDIA\nCUST-0009|0|INVALID\nCUST-0010|-5|INVALID\nCUST-0011|300.5|INVALID",
	'anomalies are stored exactly, each with its class');
is( $node->query(
		"SELECT count(*) FROM (SELECT event_timestamp, ingested_at FROM heartbeat_records UNION ALL
		 SELECT event_timestamp, ingested_at FROM heartbeat_anomalies) r
		 WHERE event_timestamp >= to_timestamp($now) AND extract(microseconds FROM event_timestamp)::int % 1000000 = 123456
		   AND ingested_at BETWEEN event_timestamp AND clock_timestamp()"),
	scalar @each, 'event times keep their microseconds, and ingested_at is the server\'s time');
is( $node->query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters), sum(empty_offsets) FROM heartbeat_offsets'),
	'4|7|0|0|0', 'the counters in heartbeat_offsets equal the stored rows');
$node->assert_audit;

# The server sends the notifications when the worker commits. psql shows them only after its next statement, so the test runs
# SELECT 1.
my $heard = $listener->query('SELECT 1');
my %announced = map { $_ => 1 } $heard =~ /(CUST-\d+)/g;
is(scalar(() = $heard =~ /notification "heartbeat_anomaly"/g) > 0, 1, 'the worker sends a notification for an anomaly');
is_deeply([ sort keys %announced ], [ map { $_->[0] } @each[ 4 .. 10 ] ], 'the worker announces every anomaly and nothing else');
like($heard, qr/payload "\{.*TACHYCARDIA.*\}"/, 'the payload is JSON with the class');
$listener->quit;

is( $node->query('SELECT customer_id, heart_rate, anomaly_type FROM vw_recent_anomalies LIMIT 2'),
	"CUST-0011|300.5|INVALID\nCUST-0010|-5|INVALID", 'vw_recent_anomalies shows the newest anomaly first');
is( $node->query('SELECT customer_id, avg_bpm, reading_count FROM vw_customer_bpm_summary ORDER BY 1'),
	"CUST-0001|74|1\nCUST-0002|40|1\nCUST-0003|180|1\nCUST-0004|72.123456789|1", 'vw_customer_bpm_summary contains the normal readings');

# A reading that arrives late changes the customer's row in vw_customer_bpm_summary at once.
$kafka->produce('heartbeat-events', { partition => 0, key => 'CUST-0001', value => reading('CUST-0001', 76, $at->(0, 200000)) });
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
is($node->query("SELECT avg_bpm, reading_count FROM vw_customer_bpm_summary WHERE customer_id = 'CUST-0001'"),
	'75|2', 'vw_customer_bpm_summary is exact after a late reading');

$node->wait_for_query(
	"SELECT string_agg(metric || '=' || value, ' ' ORDER BY metric) FROM vw_pipeline_summary
	 WHERE metric IN ('total_records', 'total_anomalies', 'bradycardia', 'tachycardia', 'invalid', 'duplicates',
	                  'dead_letters', 'customers', 'state', 'lag_messages')",
	'bradycardia=2 customers=11 dead_letters=0 duplicates=0 invalid=3 lag_messages=0 state=RUNNING tachycardia=2'
	  . ' total_anomalies=7 total_records=5',
	'vw_pipeline_summary reports the exact totals');
my $status = $node->status;
is("$status->{state} $status->{lag_messages}", 'RUNNING 0', 'heartbeat_status is RUNNING without lag');
is( $node->query('SELECT count(*), bool_and(next_offset = high_watermark), bool_and(worker_pid IN (SELECT pid FROM pg_stat_activity)) FROM heartbeat_partitions'),
	'3|t|t', 'heartbeat_partitions shows each partition with its high watermark and its worker');

# Kafka's own tool shows the offsets of the consumer group.
my @ends = $kafka->end_offsets('heartbeat-events');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-consumer-group', 'heartbeat-events', @ends) ],
	\@ends, 'kafka-consumer-groups shows the committed offsets');
is_deeply([ map { $_->{lag} } values %{ $kafka->group_offsets('heartbeat-consumer-group')->{'heartbeat-events'} } ],
	[ 0, 0, 0 ], 'kafka-consumer-groups shows no lag');

is($node->query_error("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('x', 200, now())")
	  =~ /heartbeat_records_normal/, 1, 'a constraint refuses an anomaly in heartbeat_records');
$node->assert_no_crash;
$kafka->stop;
done_testing();
