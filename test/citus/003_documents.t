# Runs the steps of docs/scale-out.md. The first steps set up a new cluster. A later step adds a node while ingest continues.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Test::More;
use Heartbeat::Citus;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('documents');
$kafka->start;
my $feed  = Heartbeat::Feed->new($kafka, 3);
my @nodes = map { citus_create_node("document_node$_", streaming => 'logical') } 1 .. 3;
my $node  = citus_create_server('document_coordinator', streaming => 1, kafka => $kafka, settings => { 'shared_preload_libraries' => 'citus,heartbeat' });

# Sets up the cluster.
my %server = ('coordinator' => $node, 'node1' => $nodes[0], 'node2' => $nodes[1]);
(my $setup = document_block('docs/scale-out.md', 'CREATE EXTENSION citus')) =~ s/'(\w+)', 5432/"'127.0.0.1', " . $server{$1}->port/ge;
$node->query($setup);
$node->wait_for_state('RUNNING');
is($node->query("SELECT shard_count FROM citus_tables WHERE table_name = 'heartbeat_records'::regclass"), 8, 'the steps distribute the tables');
$feed->publish(3_000);
$feed->assert_stored($node, 'the distributed tables store readings');

# Adds a node later.
sub shards_of { my ($server) = @_; return $node->query("SELECT count(*) FROM citus_shards WHERE table_name = 'heartbeat_records'::regclass AND nodeport = " . $server->port); }

citus_join($node, $nodes[2]);
is(shards_of($nodes[2]), 0, 'a new node has no shard');
$node->query('SELECT citus_rebalance_start()');
for (1 .. 100)
{
	$feed->publish(100);
	last if $node->query('SELECT state FROM citus_rebalance_status()') =~ /finished|failed/;
}
$node->wait_for_query('SELECT state FROM citus_rebalance_status()', 'finished', 'Citus finishes moving the shards');
cmp_ok(shards_of($nodes[2]), '>=', 2, 'Citus moves some shards to the new node');
$feed->assert_stored($node, 'each reading is stored once while shards move');
is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'the counters equal the rows in the tables');
$node->assert_summary('the summary is exact after the shards have moved');

# citus_create_restore_point() creates one restore point on all servers. So all servers can be restored to the same state from
# their backups.
like($node->query("SELECT citus_create_restore_point('agreed')"), qr{^[0-9A-F]+/[0-9A-F]+$}, 'citus_create_restore_point() returns a position in the WAL');

$_->assert_no_crash for $node, @nodes;
$kafka->stop;
done_testing();
