# docs/scale-out.md as its reader runs it: a new cluster, and one more node for it while ingest goes on.

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

# Set it up
my %server = ('coordinator' => $node, 'node1' => $nodes[0], 'node2' => $nodes[1]);
(my $setup = document_block('docs/scale-out.md', 'CREATE EXTENSION citus')) =~ s/'(\w+)', 5432/"'127.0.0.1', " . $server{$1}->port/ge;
$node->query($setup);
$node->wait_for_state('RUNNING');
is($node->query("SELECT shard_count FROM citus_tables WHERE table_name = 'heartbeat_records'::regclass"), 8, 'the tables are distributed');
$feed->publish(3_000);
$feed->assert_stored($node, 'and hold the readings');

# More nodes later
sub shards_of { my ($server) = @_; return $node->query("SELECT count(*) FROM citus_shards WHERE table_name = 'heartbeat_records'::regclass AND nodeport = " . $server->port); }

citus_join($node, $nodes[2]);
is(shards_of($nodes[2]), 0, 'a new node has no shard');
$node->query('SELECT citus_rebalance_start()');
for (1 .. 100)
{
	$feed->publish(100);
	last if $node->query('SELECT state FROM citus_rebalance_status()') =~ /finished|failed/;
}
$node->wait_for_query('SELECT state FROM citus_rebalance_status()', 'finished', 'shards are moved');
cmp_ok(shards_of($nodes[2]), '>=', 2, 'some of them to the new node');
$feed->assert_stored($node, 'and each reading that came meanwhile is stored once');
is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'the tables hold what was counted');
$node->assert_summary('and so does the summary');

# A backup has points at which all servers agree
like($node->query("SELECT citus_create_restore_point('agreed')"), qr{^[0-9A-F]+/[0-9A-F]+$}, 'a point at which all servers agree');

$_->assert_no_crash for $node, @nodes;
$kafka->stop;
done_testing();
