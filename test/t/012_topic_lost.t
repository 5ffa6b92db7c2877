# The worker notices at once that its topic is deleted, or recreated with the same name. While the topic is missing, the
# worker is CONNECTING. If the topic is recreated, the worker stops as FAILED, because the stored offsets have no meaning in
# the new topic.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('lost');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('lost', kafka => $kafka);
$kafka->produce('heartbeat-events', reading_stream(10, 2));
$node->wait_for_offsets('heartbeat-events', 5, 5);
$node->wait_for_state('RUNNING');

# The topic is recreated with more messages than the worker had read. So the new topic has messages at the stored offsets, but
# other messages than the old topic.
$kafka->delete_topic('heartbeat-events');
$node->wait_for_state('CONNECTING', 'does not exist', 'the worker reports CONNECTING when its topic is deleted');
$kafka->create_topic('heartbeat-events', 2);
$kafka->produce('heartbeat-events', reading_stream(40, 2, first => 1000));
$node->wait_for_state('FAILED', 'was (?:probably )?deleted', 'a running worker is FAILED when its topic was recreated');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 10, 'the worker reads nothing of the recreated topic at the old offsets');
$node->restart;
$node->wait_for_state('FAILED', 'was (?:probably )?deleted', 'the worker is FAILED again after a restart');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 20, 20);
$node->wait_for_state('RUNNING');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 50, 'after a seek the worker stores all messages of the recreated topic');

# The topic is recreated while the worker is PAUSED, with fewer Kafka partitions than before.
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
$kafka->delete_topic('heartbeat-events');
$kafka->create_topic('heartbeat-events', 1);
$kafka->produce('heartbeat-events', reading_stream(60, 1, first => 2000));
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', 'was (?:probably )?deleted', 'the worker is FAILED when its topic was recreated with fewer Kafka partitions');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('heartbeat-events', 60);
$node->wait_for_state('RUNNING');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 110, 'with heartbeat.offset_reset = earliest the worker stores all messages of the recreated topic');
$node->assert_audit;

# The topic is deleted and not recreated. The status shows that the topic does not exist. A reload and a shutdown do not wait
# for the topic.
$kafka->delete_topic('heartbeat-events');
$node->wait_for_state('CONNECTING', 'does not exist', 'the worker reports CONNECTING when the recreated topic is deleted');
$kafka->create_topic('other', 1);
$kafka->produce('other', reading_stream(10, 1, first => 3000));
$node->set('heartbeat.topic' => 'other');
$node->wait_for_offsets('other', 10);
my $began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', 20, 'the server shuts down within 20 seconds while the topic is missing');
$node->assert_no_crash;

done_testing();
