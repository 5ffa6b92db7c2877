# Several workers divide the Kafka partitions of a topic among themselves: each Kafka partition has one worker. No reading is
# lost when a worker is killed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('workers');
$kafka->start;
$kafka->create_topic('heartbeat-events', 7);
my $node = Heartbeat::Cluster->create('workers', kafka => $kafka,
	settings => { 'heartbeat.workers' => 3, 'heartbeat.batch_size' => 500 });

$kafka->produce('heartbeat-events', reading_stream(140_000, 7));
$node->wait_for_query('SELECT sum(records) > 20000 FROM heartbeat_offsets', 't', 'the workers store readings before one of them is killed');
my @pids = $node->worker_pids('heartbeat worker%');
is(scalar @pids, 3, 'three workers run');
$node->kill_worker('heartbeat worker%');
$node->wait_for_offsets('heartbeat-events', (20_000) x 7);
is($node->query('SELECT sum(records), sum(anomalies), sum(duplicates) FROM heartbeat_offsets'), '135800|4200|0', 'each reading is stored exactly once although a worker was killed');
$node->assert_audit;

$node->wait_for_query(
	"SELECT count(DISTINCT worker_pid), bool_and(worker_pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'))
	 FROM heartbeat_partitions", '3|t', 'three workers read the partitions');
is( $node->query('SELECT count(*) FROM (SELECT worker_pid FROM heartbeat_partitions GROUP BY worker_pid HAVING count(*) BETWEEN 1 AND 5) w'),
	3, 'each worker has at least one of the seven partitions');
is($node->status->{workers}, 3, 'heartbeat_status counts three workers');

# Two Kafka partitions are added to the topic. After a reload the workers find the new partitions, and divide all partitions
# again.
$kafka->grow_topic('heartbeat-events', 9);
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$kafka->produce('heartbeat-events', reading_stream(9_000, 9, first => 140_000));
$node->wait_for_offsets('heartbeat-events', (21_000) x 7, (1_000) x 2);
$node->assert_audit;

# A pause stops all workers.
$node->query('SELECT heartbeat_pause()');
my $count = $node->count('heartbeat_records');
$kafka->produce('heartbeat-events', reading_stream(900, 9, first => 149_000));
$node->wait_for_query('SELECT sum(high_watermark) FROM heartbeat_partitions', 149_900, 'the workers follow the high watermark while they are paused');
is($node->count('heartbeat_records'), $count, 'the paused workers store nothing');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', (21_100) x 7, (1_100) x 2);
$node->assert_audit;

# The topic `narrow` has one Kafka partition, so two of the three workers read no partition. When the broker is back after a
# stop, all three workers must report RUNNING.
$kafka->create_topic('narrow', 1);
$kafka->produce('narrow', reading_stream(100, 1, first => 200_000));
$node->set('heartbeat.topic' => 'narrow');
$node->wait_for_offsets('narrow', 100);
$kafka->stop;
$node->wait_for_state('CONNECTING', undef, 'all workers report CONNECTING when the broker is gone');
$kafka->start;
$node->wait_for_state('RUNNING', undef, 'all workers report RUNNING when the broker is back');
$node->assert_no_crash;
$kafka->stop;
done_testing();
