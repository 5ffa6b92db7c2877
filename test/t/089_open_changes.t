# A session changes a source in a transaction that is open for a long time, or that began before another session's change. The
# worker shows such a session, and notices each seek, even if the topic has no new messages.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka::Cluster;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka::Cluster->new('open', brokers => 2);
$kafka->start;
$kafka->create_assigned_topic('ward', [ [1], [2] ]);
my $node = Heartbeat::Cluster->create('open', kafka => $kafka, settings => { 'heartbeat.topic' => 'ward' });
$kafka->produce('ward', map { { partition => 0, value => reading("CUST-$_", 60, reading_time(1_790_000_000)) } } 1 .. 20);
$node->wait_for_query('SELECT next_offset FROM heartbeat_offsets WHERE partition = 0', 20, 'the worker reads the topic');

# $session begins its transaction first. Then another session pauses and resumes ingest. $session stores its changes later, but
# with an older time (its now()).
my $session = $node->background_psql('heartbeat');
$session->query_safe($_) for 'BEGIN', 'SELECT now()';
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('RUNNING');
$session->query_safe($_) for "SELECT heartbeat_pause('the older transaction', 'default')", "SELECT heartbeat_seek(0, 5, 'default')", "SELECT heartbeat_resume('default')", 'COMMIT';
$node->wait_for_query('SELECT rewound, next_offset, duplicates FROM heartbeat_offsets WHERE partition = 0', '15|20|15',
	'the worker notices a seek of a transaction that is older than the last pause of all sources');

# The worker begins to read only partition 0, because the broker of partition 1 is stopped. The broker starts again while
# $session has an open transaction. So the worker must wait for $session before it begins to read partition 1. The topic has no
# new message.
$node->query('SELECT heartbeat_pause()');
$kafka->node(2)->stop;
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query('SELECT state FROM heartbeat_partitions WHERE partition = 0', 'READING', 'the worker reads the other Kafka partition');
$node->wait_for_state('CONNECTING', qr/partition 1 is not read/);
$session->query_safe($_) for 'BEGIN', "SELECT heartbeat_alter_source('default', offset_reset => 'earliest')";
$kafka->node(2)->start;
$node->wait_for_query("SELECT state, reason FROM heartbeat_source_status", qr/^RETRYING\|canceling statement due to lock timeout: process \d+ \(.*idle in transaction.*\) holds a lock on the source$/,
	'the state names the session for which the worker waits before it begins to read a Kafka partition');
$session->query_safe('ROLLBACK');
$session->quit;
$node->wait_for_state('RUNNING');
$node->wait_for_query("SELECT string_agg(state, ' ') FROM heartbeat_partitions", 'READING READING', 'the worker reads both Kafka partitions when the transaction has ended');
$node->assert_audit;
$node->assert_no_crash;
$node->stop;
$kafka->stop;
done_testing();
