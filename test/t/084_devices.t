# A message of a source with a mapping has many readings, or none. Two devices at the same instant have two readings. A
# message is stored whole or not at all, except for its readings in conflict.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my $topic = 'bands';
my $kafka = Heartbeat::Kafka->new('devices');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
$kafka->create_topic($topic,             1);
my $node = Heartbeat::Cluster->create('devices', kafka => $kafka);
my $published = 0;
$node->query(qq{SELECT heartbeat_add_source('bands', '$topic', mapping => '{"customer_id": "/user", "device_id": "each/d", "each": "/samples",
	"heart_rate": "each/v", "event_timestamp": {"at": "each/t", "unit": "s"}, "when": {"/type": "bpm"}}')});

# Publishes messages in one transaction, so that they are stored in one batch. A sample is "device rate second".
sub message
{
	my ($user, @samples) = @_;
	my @parts = map { my ($d, $v, $t) = split / /; qq({"d":"$d","v":$v,"t":@{[ 1_767_225_600 + $t ]}}) } @samples;
	return qq({"type":"bpm","user":"$user","samples":[) . join(',', @parts) . ']}';
}
sub publish
{
	$kafka->produce_transaction($topic, 'commit', map { { value => $_ } } @_);
	$published += @_ + 1;
	$node->wait_for_query("SELECT next_offset FROM heartbeat_offsets WHERE source = 'bands'", $published, 'the worker reads the messages');
	return;
}
sub stored { my ($user) = @_; return $node->query(qq{SELECT string_agg(device_id || ' ' || heart_rate, ', ' ORDER BY event_timestamp, device_id)
	FROM (SELECT * FROM heartbeat_records UNION ALL SELECT id, customer_id, heart_rate, event_timestamp, ingested_at, device_id FROM heartbeat_anomalies) r WHERE customer_id = '$user'}); }
sub counters { return $node->query(q{SELECT messages, ignored, dead_letters, readings, records, anomalies, duplicates, conflicts FROM heartbeat_audit() WHERE source = 'bands'}); }
sub assert_exact { my ($what) = @_; $node->assert_audit; return is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, $what); }

publish(message('two', 'watch 74 0', 'belt 74 0', 'watch 200 0'), message('two', 'belt 75 1'));
is(stored('two'), 'belt 74, watch 74, watch 200, belt 75', 'two devices at the same instant are two readings');
is(counters(), '2|0|0|4|3|1|0|0', 'messages and readings are counted apart');

publish(message('one', 'watch 80 0', 'watch 81 0', 'watch 80 0', 'watch 82 1'), message('none'), '{"type":"steps"}', '{"type":"bpm"}');
is(stored('one'), 'watch 80, watch 82', 'a message with a conflict in itself stores its other readings');
is($node->query(q{SELECT error_code, readings->0->>'device_id', readings->0->>'heart_rate', readings->0->>'stored_heart_rate', jsonb_array_length(readings)
	FROM heartbeat_dead_letters WHERE error_code = 'CONFLICT'}), 'CONFLICT|watch|81|80|1', 'the reading in conflict is kept with its device');
is(counters(), '4|1|1|8|5|1|1|1', 'a message without readings is a message, and an ignored one is ignored');
assert_exact('both audits are exact');

# The database refuses the second reading of the first message. Another message repeats its first reading.
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_77 CHECK (heart_rate <> 77) NOT VALID');
publish(message('whole', 'a 70 0', 'b 77 0', 'c 210 0'), message('whole', 'a 71 0', 'd 72 0'), message('whole', 'e 73 0'));
is(stored('whole'), 'a 71, d 72, e 73', 'no reading of a refused message is stored, and the other messages are stored whole');
is($node->query(q{SELECT error_code FROM heartbeat_dead_letters WHERE payload::text IS NOT NULL AND error_code NOT IN ('CONFLICT', 'MISSING_FIELD')}), '23514', 'it is one dead letter');
assert_exact('both audits are exact after a refused message');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_77');
is($node->query(q{SELECT resolved, remaining, remaining_errors FROM heartbeat_retry_dead_letters('23514')}), '0|1|{"CONFLICT": 1}', 'a retry stores it, except for its conflict');
is(stored('whole'), 'a 71, b 77, c 210, d 72, e 73', 'its other readings are stored');
assert_exact('both audits are exact after the retry');
is($node->query(q{SELECT resolved, remaining FROM heartbeat_retry_dead_letters('CONFLICT', replace => true, source => 'bands')}), '2|0', 'replace settles the conflicts');
is(stored('whole') . '; ' . stored('one'), 'a 70, b 77, c 210, d 72, e 73; watch 81, watch 82', 'of each device');
assert_exact('both audits are exact after replace');

# A wrong mapping is repaired.
$node->query(q{SELECT heartbeat_alter_source('bands', mapping => '{"customer_id": "/user", "heart_rate": "/v", "event_timestamp": "kafka/timestamp"}')});
publish(message('repaired', 'x 90 0', 'y 91 0'));
is(stored('repaired'), '', 'a wrong mapping makes dead letters');
$node->query(q{SELECT heartbeat_alter_source('bands', mapping => '{"customer_id": "/user", "device_id": "each/d", "each": "/samples",
	"heart_rate": "each/v", "event_timestamp": {"at": "each/t", "unit": "s"}}')});
$node->query(q{SELECT heartbeat_retry_dead_letters(source => 'bands')});
is(stored('repaired'), 'x 90, y 91', 'a retry stores them under the mapping that the source has now');
assert_exact('both audits are exact after the repair');

$node->assert_no_crash;
$kafka->stop;
done_testing();
