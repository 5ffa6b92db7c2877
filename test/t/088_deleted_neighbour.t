# The topic of one source is deleted and recreated again and again. This source becomes FAILED. Another source uses the same
# Kafka client, and the worker continues to read it, although librdkafka reports the unknown topic as an error of the whole
# client.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('deleted');
$kafka->start;
$kafka->create_topic('heartbeat-events', 3);
my $node = Heartbeat::Cluster->create('deleted', kafka => $kafka, settings => { 'heartbeat.workers' => 1 });
$node->wait_for_state('RUNNING', undef, 'the source default runs');

sub state_of { my ($source) = @_; return "SELECT state FROM heartbeat_source_status WHERE source = '$source'"; }

my $stored = 0;
for my $round (1 .. 4)
{
	$kafka->create_topic('again', 3);
	$kafka->produce('again', map { { value => reading("AGAIN$round", 70, reading_time(time - $_, 0)) } } 1 .. 2);
	$node->query("SELECT heartbeat_add_source('again', 'again')");
	$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'AGAIN$round'", 2, "round $round: the second source reads its topic");
	# in every second round the source `default` is PAUSED while the topic `again` is deleted
	$node->query("SELECT heartbeat_pause('test', source => 'default')") if $round % 2 == 0;
	$kafka->delete_topic('again');
	$node->wait_for_query(state_of('again'), 'CONNECTING', "round $round: the source whose topic was deleted is CONNECTING");
	$kafka->create_topic('again', 3);
	$node->wait_for_query(state_of('again'), 'FAILED', "round $round: the source whose topic was recreated is FAILED");
	$node->query("SELECT heartbeat_resume(source => 'default')") if $round % 2 == 0;
	$kafka->produce('heartbeat-events', { value => reading("STAYS$round", 70, reading_time(time, 0)) });
	$stored++;
	$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE customer_id LIKE 'STAYS%'", $stored, "round $round: the other source stores a new reading");
	$node->query("SELECT heartbeat_drop_source('again')");
	$kafka->delete_topic('again');
}
is($node->query(q{SELECT count(*) FROM heartbeat_events WHERE reason ~ '"heartbeat-events".* was (probably )?deleted'}), 0, 'heartbeat never reports the topic of the other source as deleted');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit shows no difference');

$node->assert_no_crash;
done_testing();
