# The worker must handle two unusual cases. In the first case, the stored offset belongs to a Kafka partition that does not
# exist. In the second case, a pause commits before the worker can store its batch.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('misleading');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('misleading', kafka => $kafka);
$kafka->produce('heartbeat-events', reading_stream(10, 2));
$node->wait_for_offsets('heartbeat-events', 5, 5);

$node->query('SELECT heartbeat_pause()');
# While Kafka does not answer, heartbeat_seek() also accepts a Kafka partition that does not exist, and calls
# heartbeat_move_offset() for it. Kafka answers in this test, so the test itself calls heartbeat_move_offset().
$node->query("SELECT heartbeat_move_offset('default', 'heartbeat-events', 77, 5, 'given in advance')");
for my $time ('once', 'a second time')
{
	$node->query('SELECT heartbeat_resume()');
	$kafka->produce('heartbeat-events', reading_stream(2, 2, first => $time eq 'once' ? 100 : 200));
	$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
	is($node->status->{state}, 'RUNNING', "a stored offset of a missing Kafka partition does not mean that the topic was recreated ($time)");
	$node->query('SELECT heartbeat_pause()') if $time eq 'once';
}

# An operator's transaction calls heartbeat_pause() before the worker has a batch, so the worker must wait for this transaction
# before it stores its batch. The transaction commits, and the worker discards the batch.
my $operator = $node->background_psql('heartbeat');
$operator->query_safe('BEGIN');
$operator->query_safe('SELECT heartbeat_pause()');
$kafka->produce('heartbeat-events', reading_stream(2, 2, first => 300));
$node->wait_for_query('SELECT busy_since IS NOT NULL FROM heartbeat_state()', 't', 'the worker has a batch, and waits for heartbeat_pause() to commit');
$operator->query_safe('COMMIT');
$operator->quit;
$node->wait_for_state('PAUSED');
$node->query('SELECT heartbeat_seek(p, 7) FROM generate_series(0, 1) p');    # the worker reads the discarded messages again
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query("SELECT state, busy_since IS NULL FROM heartbeat_state()", 'RUNNING|t', 'busy_since is null after the worker discarded the batch');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
