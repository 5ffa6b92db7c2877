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

# The transaction of the first session begins before the pause of the second session. So the times that this transaction stores
# are older than the times of the second session.
my $session = $node->background_psql('heartbeat');
$session->query_safe($_) for 'BEGIN', 'SELECT now()';
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('RUNNING');
$session->query_safe($_) for "SELECT heartbeat_pause('the older transaction', 'default')", "SELECT heartbeat_seek(0, 5, 'default')", "SELECT heartbeat_resume('default')", 'COMMIT';
$node->wait_for_query('SELECT rewound, next_offset, duplicates FROM heartbeat_offsets WHERE partition = 0', '15|20|15',
	'the worker notices a seek of a transaction that is older than the last pause of all sources');

$session->quit;
$node->assert_audit;
$node->assert_no_crash;
$node->stop;
$kafka->stop;
done_testing();
