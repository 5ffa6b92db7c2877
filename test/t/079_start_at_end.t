# With heartbeat.start_offset = latest the workers read a new topic from its end. This is also true for a Kafka partition whose
# leader answers later than the others. If Kafka partitions are added later, the workers read them from the first message. This
# must also work if the workers have read another topic with more Kafka partitions in the meantime.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka::Cluster;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka::Cluster->new('at_end', brokers => 2);
$kafka->start;
$kafka->create_assigned_topic('away', [ [1], [2], [1], [2] ]);
$kafka->create_assigned_topic('wide', [ ([1]) x 4 ]);
$kafka->create_assigned_topic('grown', [ ([1]) x 2 ]);

my ($node, $published) = (undef, 0);
sub publish
{
	my ($topic, @partitions) = @_;
	$kafka->produce($topic, map { { partition => $_, value => reading("CUST-$topic-$_", 60, reading_time(1_790_000_000, ++$published)) } } @partitions);
	return;
}

sub is_stored
{
	my ($topic, $customers, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query("SELECT string_agg(customer_id || ' ' || n, ', ' ORDER BY customer_id)
		FROM (SELECT customer_id, count(*) AS n FROM heartbeat_records WHERE customer_id LIKE 'CUST-$topic-%' GROUP BY 1) r", $customers, $what);
}

publish('away', 0, 1, 2, 3);
$kafka->node(2)->stop;
$node = Heartbeat::Cluster->create('at_end', kafka => $kafka,
	settings => { 'heartbeat.workers' => 2, 'heartbeat.topic' => 'away', 'heartbeat.start_offset' => 'latest' });

# Worker 1 has only the partitions 1 and 3. Their leader does not answer when the workers read the topic for the first time.
$node->wait_for_query("SELECT string_agg(partition || ' ' || next_offset, ', ' ORDER BY partition) FROM heartbeat_offsets WHERE topic = 'away'",
	'0 1, 2 1', 'worker 0 begins at the end');
$node->wait_for_state('CONNECTING', qr/is not read/);
$kafka->node(2)->start;
$node->wait_for_state('RUNNING');
$node->wait_for_query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'away'", 4, 'worker 1 begins to read');
publish('away', 0, 1, 2, 3);
is_stored('away', 'CUST-away-0 1, CUST-away-1 1, CUST-away-2 1, CUST-away-3 1', 'worker 1 begins at the end too');

# The topic gets two more Kafka partitions.
$kafka->grow_topic('away', 6);
publish('away', 4, 5);
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
is_stored('away', join(', ', map { "CUST-away-$_ 1" } 0 .. 5), 'the workers read added Kafka partitions from the first message');

# The worker has read the topic `grown`. Then it reads the topic `wide`, which has more Kafka partitions. Meanwhile `grown` gets
# more Kafka partitions.
$node->set('heartbeat.topic' => 'grown', 'heartbeat.workers' => 1);
$node->restart;
$node->wait_for_query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'grown'", 2, 'the worker reads the topic grown');
$node->set('heartbeat.topic' => 'wide');
$node->wait_for_query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'wide'", 4, 'the worker reads the topic wide');
$kafka->grow_topic('grown', 4);
publish('grown', 0 .. 3);
$node->set('heartbeat.topic' => 'grown');
is_stored('grown', join(', ', map { "CUST-grown-$_ 1" } 0 .. 3), 'the number of Kafka partitions of another topic does not matter');
$node->assert_audit;
$node->assert_no_crash;
$node->stop;
$kafka->stop;
done_testing();
