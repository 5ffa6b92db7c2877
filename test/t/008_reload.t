# A reload changes settings. If a value is wrong, the error names the setting. PostgreSQL checks some values when a user sets
# them. heartbeat checks the other values when it uses them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('first');
my $other = Heartbeat::Kafka->new('other');
$_->start for $kafka, $other;
$kafka->create_topic('heartbeat-events', 1);
$kafka->create_topic('second',           1);
$other->create_topic('third',            1);
my $node = Heartbeat::Cluster->create('reload', kafka => $kafka);
my ($worker) = $node->worker_pids('heartbeat launcher%');

$kafka->produce('heartbeat-events', reading_stream(100, 1));
$node->wait_for_offsets('heartbeat-events', 100);

$kafka->produce('second', reading_stream(100, 1, first => 100));
$node->set('heartbeat.topic' => 'second');
$node->wait_for_offsets('second', 100);
is($node->query('SELECT topic FROM heartbeat_partitions'), 'second', 'after heartbeat.topic changes, heartbeat_partitions shows the new topic');

$node->set('heartbeat.batch_size' => 7, 'heartbeat.batch_wait' => '20ms');
$kafka->produce('second', reading_stream(100, 1, first => 200));
$node->wait_for_offsets('second', 200);
cmp_ok($node->query('SELECT count(DISTINCT xmin::text) FROM heartbeat_records WHERE id > (SELECT max(id) - 90 FROM heartbeat_records)'),
	'>=', 12, 'heartbeat.batch_size limits the readings of a transaction');

$node->set('heartbeat.group_id' => 'another-group');
$kafka->produce('second', reading_stream(1, 1, first => 300));
$node->wait_for_offsets('second', 201);
is_deeply([ $kafka->wait_for_group_offsets('another-group', 'second', 201) ], [201], 'the new consumer group has the committed offset');

# heartbeat.topic names the first topic again, so the worker continues at the stored offset of the first topic.
$kafka->produce('heartbeat-events', reading_stream(10, 1, first => 400));
$node->set('heartbeat.topic' => 'heartbeat-events');
$node->wait_for_offsets('heartbeat-events', 110);
is($node->query("SELECT duplicates FROM heartbeat_offsets WHERE topic = 'heartbeat-events'"), 0, 'the worker continues a topic at its stored offset');

# The other cluster has a topic `second` too, but the stored offset of `second` belongs to the first cluster.
$other->create_topic('second', 1);
$other->produce('second', reading_stream(300, 1, first => 500));
$node->set('heartbeat.topic' => 'second', 'heartbeat.brokers' => $other->brokers);
$node->wait_for_state('FAILED', 'cluster', 'the worker stops as FAILED instead of using an offset of another cluster');
like($node->status->{hint}, qr/heartbeat_seek|offset_reset/, 'the hint names heartbeat_seek or offset_reset');
is($node->query("SELECT next_offset FROM heartbeat_offsets WHERE topic = 'second'"), 201, 'the worker reads nothing while it is FAILED');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(0, 250)');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('second', 300);
$node->wait_for_state('RUNNING', undef, 'heartbeat_seek() and heartbeat_resume() end the state FAILED');
is($node->query("SELECT from_offset, to_offset FROM heartbeat_gaps WHERE topic = 'second'"), '201|250', 'heartbeat_gaps records the offsets that the seek skipped');
$other->produce('third', reading_stream(50, 1, first => 900));
$node->set('heartbeat.topic' => 'third');
$node->wait_for_offsets('third', 50);
$node->wait_for_state('RUNNING');

# ALTER SYSTEM refuses wrong values.
for my $wrong (
	[ 'heartbeat.batch_size',   '0',       qr/outside the valid range.*1 \.\. / ],
	[ 'heartbeat.batch_size',   'many',    qr/invalid value.*batch_size/ ],
	[ 'heartbeat.batch_wait',   '2 weeks', qr/outside the valid range|invalid value/ ],
	[ 'heartbeat.topic',        'a topic', qr/heartbeat\.topic.*a-z, A-Z/s ],
	[ 'heartbeat.start_offset', 'middle',  qr/earliest, latest/ ],
	[ 'heartbeat.offset_reset', 'guess',   qr/error, earliest, latest/ ],
	[ 'heartbeat.no_such',      '1',       qr/heartbeat\.no_such|unrecognized/ ])
{
	my ($name, $value, $error) = @$wrong;
	like($node->query_error("ALTER SYSTEM SET $name = '$value'"), $error, "$name = '$value' is refused, and the error names the setting");
}
like($node->query_error("ALTER SYSTEM SET heartbeat.workers = '0'"), qr/outside the valid range/, 'heartbeat.workers = 0 is refused');

# A wrong value in the configuration file changes nothing, and the log names the setting.
my $position = $node->log_position;
$node->append_conf('postgresql.auto.conf', "heartbeat.batch_size = 'lots'");
$node->reload;
$node->wait_for_log(qr/invalid value for parameter "heartbeat\.batch_size"/, $position);
pass('the log names a wrong value in the configuration file');
$node->wait_for_state('RUNNING');

# The worker finds a wrong librdkafka property when it creates its client. Until a person corrects the file, the worker is
# FAILED, and the reason names the property.
my $properties = $node->data_dir . '/kafka.properties';
my $write = sub {
	open(my $file, '>', $properties) or die "$properties: $!";
	chmod 0600, $properties;
	print $file $_[0];
	close $file;
};
$write->("no.such.property=1\n");
$node->set('heartbeat.kafka_config_file' => $properties);
$node->wait_for_state('FAILED', 'no\.such\.property', 'the reason names an unknown property');
$write->("# a comment\nfetch.wait.max.ms = 50\n");
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->wait_for_state('RUNNING', undef, 'a corrected file and a reload end the state FAILED');
$other->produce('third', reading_stream(10, 1, first => 1_000));
$node->wait_for_offsets('third', 60);
chmod 0644, $properties;
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->wait_for_state('FAILED', 'kafka_config_file.*open to other users', 'the worker refuses a kafka_config_file that other users can read');
$node->set('heartbeat.kafka_config_file' => '');
$node->wait_for_state('RUNNING');

$node->set('heartbeat.brokers' => '');
$node->wait_for_state('STOPPED', 'brokers', 'without heartbeat.brokers the worker is STOPPED');
$node->set('heartbeat.brokers' => $other->brokers);
$node->wait_for_state('RUNNING');

$node->assert_audit;
is(($node->worker_pids('heartbeat launcher%'))[0], $worker, 'the launcher is the same process after all reloads');
$node->assert_no_crash;
$_->stop for $kafka, $other;
done_testing();
