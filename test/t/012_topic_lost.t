# A topic that is deleted, and one that is made again under its name: found out at once, and stopped rather than guessed.

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

# Gone and back, with more messages than had been read: the offsets exist, and mean others.
$kafka->delete_topic('heartbeat-events');
$node->wait_for_state('CONNECTING', 'does not exist', 'a topic that is gone is missed');
$kafka->create_topic('heartbeat-events', 2);
$kafka->produce('heartbeat-events', reading_stream(40, 2, first => 1000));
$node->wait_for_state('FAILED', 'was deleted', 'a topic made again under a running worker is found out');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 10, 'and nothing of it was read at the old offsets');
$node->restart;
$node->wait_for_state('FAILED', 'was deleted', 'a restart does not forget it');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 20, 20);
$node->wait_for_state('RUNNING');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 50, 'after a seek all of it is stored');

# The same while paused, with fewer partitions than before.
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
$kafka->delete_topic('heartbeat-events');
$kafka->create_topic('heartbeat-events', 1);
$kafka->produce('heartbeat-events', reading_stream(60, 1, first => 2000));
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', 'was deleted', 'fewer partitions are a topic made again');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('heartbeat-events', 60);
$node->wait_for_state('RUNNING');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 110, 'by offset_reset all of it is stored');
$node->assert_audit;

# Deleted for good: said so; and neither a reload nor a shutdown has to wait for it.
$kafka->delete_topic('heartbeat-events');
$node->wait_for_state('CONNECTING', 'does not exist', 'also when it had been made again');
$kafka->create_topic('other', 1);
$kafka->produce('other', reading_stream(10, 1, first => 3000));
$node->set('heartbeat.topic' => 'other');
$node->wait_for_offsets('other', 10);
my $began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', 20, 'the server shuts down in time');
$node->assert_no_crash;

done_testing();
