# With a mapping, a message can have many readings, or no reading. If two devices measure one customer at the same time,
# heartbeat stores two readings. heartbeat stores all readings of a message or none of them. There is one exception: if a
# reading is in conflict, heartbeat stores the other readings of its message.

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

# Returns a message with samples of a user. Each sample is given as a text "device rate second".
sub message
{
	my ($user, @samples) = @_;
	my @parts = map { my ($d, $v, $t) = split / /; qq({"d":"$d","v":$v,"t":@{[ 1_767_225_600 + $t ]}}) } @samples;
	return qq({"type":"bpm","user":"$user","samples":[) . join(',', @parts) . ']}';
}
# Publishes messages in one transaction, so that the worker stores them in one batch.
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
is(counters(), '2|0|0|4|3|1|0|0', 'messages and readings have separate counters');

publish(message('one', 'watch 80 0', 'watch 81 0', 'watch 80 0', 'watch 82 1'), message('none'), '{"type":"steps"}', '{"type":"bpm"}');
is(stored('one'), 'watch 80, watch 82', 'if two readings of one message are in conflict, its other readings are stored');
is($node->query(q{SELECT error_code, readings->0->>'device_id', readings->0->>'heart_rate', readings->0->>'stored_heart_rate', jsonb_array_length(readings)
	FROM heartbeat_dead_letters WHERE error_code = 'CONFLICT'}), 'CONFLICT|watch|81|80|1', 'the reading in conflict is kept with its device');
is(counters(), '4|1|1|8|5|1|1|1', 'a message without readings counts as a message, and an ignored message counts as ignored');
assert_exact('both audits are exact');

# The database refuses the heart rate 77, so heartbeat stores no reading of the first message, not even the heart rate 70. So
# the heart rate 71 of the same device and time is not in conflict.
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_77 CHECK (heart_rate <> 77) NOT VALID');
publish(message('whole', 'a 70 0', 'b 77 0', 'c 210 0'), message('whole', 'a 71 0', 'd 72 0'), message('whole', 'e 73 0'));
is(stored('whole'), 'a 71, d 72, e 73', 'no reading of a refused message is stored, and the other messages are stored whole');
is($node->query(q{SELECT error_code FROM heartbeat_dead_letters WHERE payload::text IS NOT NULL AND error_code NOT IN ('CONFLICT', 'MISSING_FIELD')}), '23514', 'the refused message is one dead letter');
assert_exact('both audits are exact after a refused message');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_77');
is($node->query(q{SELECT resolved, remaining, remaining_errors FROM heartbeat_retry_dead_letters('23514')}), '0|1|{"CONFLICT": 1}', 'a retry stores the refused message, except for its conflict');
is(stored('whole'), 'a 71, b 77, c 210, d 72, e 73', 'the other readings of the refused message are stored');
assert_exact('both audits are exact after the retry');
is($node->query(q{SELECT resolved, remaining FROM heartbeat_retry_dead_letters('CONFLICT', replace => true, source => 'bands')}), '2|0', 'replace settles the conflicts');
is(stored('whole') . '; ' . stored('one'), 'a 70, b 77, c 210, d 72, e 73; watch 81, watch 82', 'the newer heart rates of each device are stored');
assert_exact('both audits are exact after replace');

# A person corrects a wrong mapping.
$node->query(q{SELECT heartbeat_alter_source('bands', mapping => '{"customer_id": "/user", "heart_rate": "/v", "event_timestamp": "kafka/timestamp"}')});
publish(message('repaired', 'x 90 0', 'y 91 0'));
is(stored('repaired'), '', 'a wrong mapping makes dead letters');
$node->query(q{SELECT heartbeat_alter_source('bands', mapping => '{"customer_id": "/user", "device_id": "each/d", "each": "/samples",
	"heart_rate": "each/v", "event_timestamp": {"at": "each/t", "unit": "s"}}')});
$node->query(q{SELECT heartbeat_retry_dead_letters(source => 'bands')});
is(stored('repaired'), 'x 90, y 91', 'a retry stores the readings with the present mapping of the source');
assert_exact('both audits are exact after the repair');

# A person has corrected the payload of a dead letter, so that the message has more readings than before. A retry stores all of
# these readings.
publish(message('more', 'x 50 0'), message('more', 'x 51 0'));
my @before = split /\|/, counters();
$node->query(q{UPDATE heartbeat_dead_letters SET payload = convert_to('} . message('more', 'x 51 1', 'x 52 2', 'x 53 3') . q{', 'UTF8')
	WHERE readings->0->>'customer_id' = 'more'});
is($node->query(q{SELECT resolved, remaining FROM heartbeat_retry_dead_letters('CONFLICT', source => 'bands')}), '1|0', 'a message with more readings than before is stored');
is(stored('more'), 'x 50, x 51, x 52, x 53', 'all readings of the message are stored');
my @after = split /\|/, counters();
is(join('|', map { $after[$_] - $before[$_] } 3 .. 7), '2|3|0|0|-1', 'the additional readings count as readings, and the duplicates do not change');
assert_exact('both audits are exact after a retry with more readings');

# The primary key of version 1.x does not contain the device, so a table partition with this key refuses a reading of a second
# device at the same time. heartbeat_upgrade_keys() replaces the key, and the table partition then accepts the reading.
my $week = 86_400 * 70;
publish(message('old', "a 60 $week"));
my $old = $node->query(q{SELECT tableoid::regclass FROM heartbeat_records WHERE customer_id = 'old'});
my $key = $node->query("SELECT conname FROM pg_constraint WHERE conrelid = '$old'::regclass AND contype = 'p'");
$node->query("ALTER TABLE $old DROP CONSTRAINT $key, ADD CONSTRAINT $key PRIMARY KEY (customer_id, event_timestamp)");
publish(message('old', "b 61 $week"));
like($node->query(q{SELECT error_text FROM heartbeat_dead_letters WHERE error_code = 'CONFLICT' AND resolved_at IS NULL}), qr/call heartbeat_upgrade_keys\(\)/,
	'the reading of the second device is a conflict, and its text says what to do');
is($node->query('SELECT count(*) FROM heartbeat_upgrade_keys()'), 1, 'the week gets the key with the device');
is($node->query(q{SELECT resolved, remaining FROM heartbeat_retry_dead_letters('CONFLICT')}), '1|0', 'a retry settles the conflict');
is(stored('old'), 'a 60, b 61', 'both devices have their reading');
assert_exact('both audits are exact after the retry');

# A dead letter keeps the headers of its message, so that another mapping can read the device from a header.
$node->query(q{SELECT heartbeat_alter_source('bands', mapping => '{"customer_id": "/user", "heart_rate": "/v", "event_timestamp": {"at": "/t", "unit": "s"}}')});
my $producer = $kafka->producer($topic, '--header', 'device=belt 2');
$producer->send(map { { value => qq({"user":"headers","v":7$_,"t":1767225600}) } } 1, 2);
$producer->finish;
$published += 2;
$node->wait_for_query("SELECT next_offset FROM heartbeat_offsets WHERE source = 'bands'", $published, 'the worker reads messages with headers');
is($node->query(q{SELECT header_names, convert_from(header_values[1], 'UTF8') FROM heartbeat_dead_letters WHERE readings->0->>'customer_id' = 'headers'}), '{device}|belt 2',
	'a message in conflict keeps its headers');
$node->query(q{SELECT heartbeat_alter_source('bands', mapping => '{"customer_id": "/user", "device_id": "header/device", "heart_rate": "/v", "event_timestamp": {"at": "/t", "unit": "s"}}')});
is($node->query(q{SELECT resolved, remaining FROM heartbeat_retry_dead_letters('CONFLICT')}), '1|0', 'a retry reads the device from the header');
is(stored('headers'), ' 71, belt 2 72', 'the second reading has its device');
assert_exact('both audits are exact after the retry with headers');

# The dead letters of a dropped source still count for the dropped source, even if a later source has the same name.
sub assert_all_exact    # assert_exact() does not count dropped sources
{
	my ($what) = @_;
	is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'heartbeat_audit() is exact');
	return is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, $what);
}
sub dropped { return $node->query(q{SELECT dead_letters, dead_letters_deleted FROM heartbeat_dropped_offsets WHERE source = 'bands'}); }
sub repair { my ($second) = @_; return $node->query(q{UPDATE heartbeat_dead_letters SET payload = convert_to('} . qq({"user":"dropped","v":60,"t":@{[ 1_767_225_600 + $second ]}})
	. q{', 'UTF8') WHERE id = (SELECT min(id) FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND source = 'bands')}); }
sub retried { return $node->query(q{SELECT resolved FROM heartbeat_retry_dead_letters(source => 'bands')}); }
publish('bad 1', 'bad 2', 'bad 3');
$node->query(q{DELETE FROM heartbeat_dead_letters WHERE payload NOT IN ('bad 1', 'bad 2', 'bad 3')});
my $deleted = $node->query(q{SELECT dead_letters_deleted FROM heartbeat_offsets WHERE source = 'bands'});
$node->query(q{SELECT heartbeat_drop_source('bands'); SELECT heartbeat_pause()});
is(dropped(), 3 + $deleted . "|$deleted", 'the counters of a dropped source are kept');
$node->query(qq{SELECT heartbeat_add_source('bands', '$topic', start_offset => 'latest', mapping => '{"customer_id": "/user", "heart_rate": "/v", "event_timestamp": {"at": "/t", "unit": "s"}}')});
repair(0);
is(retried(), 1, 'before a worker has read the later source, a retry stores a dead letter of the earlier source with the mapping of the later source');
is(dropped(), 2 + $deleted . "|$deleted", 'this dead letter counts for the dropped source');
assert_all_exact('both audits are exact');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query("SELECT next_offset FROM heartbeat_offsets WHERE source = 'bands'", $published, 'a worker begins the later source');
repair(1);
is(retried(), 1, 'a retry stores another dead letter after a worker has read the later source');
$node->query(q{DELETE FROM heartbeat_dead_letters WHERE payload = 'bad 3'});
is(dropped(), 1 + $deleted . '|' . ($deleted + 1), 'a deleted dead letter of the dropped source counts for the dropped source');
is($node->query(q{SELECT dead_letters, dead_letters_deleted FROM heartbeat_offsets WHERE source = 'bands'}), '0|0', 'the later source has no dead letter');
publish('bad 4');
is($node->query(q{SELECT dead_letters, dead_letters_deleted FROM heartbeat_offsets WHERE source = 'bands'}), '1|0', 'a dead letter of the later source counts for the later source');
repair(2);
is(retried(), 1, 'a retry stores the dead letter of the later source');
is($node->query(q{SELECT dead_letters, dead_letters_deleted FROM heartbeat_offsets WHERE source = 'bands'}), '0|0', 'the stored dead letter counts for the later source');
assert_all_exact('both audits are exact with two sources of one name');

# A batch can exceed heartbeat.batch_size only by the readings of a few messages. This is also true for the first batch of a
# source, when many messages wait in librdkafka's queue.
sub publish_lists
{
	my ($source, $messages, $readings) = @_;
	$kafka->create_topic($source, 1);
	$kafka->produce($source, map { my $first = 1_000_000 + $_ * $readings; { value => message($source, map { 'left 70 ' . ($first + $_) } 1 .. $readings) } } 0 .. $messages - 1);
	$node->query(qq{SELECT heartbeat_add_source('$source', '$source', mapping => '{"customer_id": "/user", "device_id": "each/d", "each": "/samples",
		"heart_rate": "each/v", "event_timestamp": {"at": "each/t", "unit": "s"}}')});
	$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE customer_id = '$source'", $messages * $readings, "all readings of the source $source are stored");
	return $node->query("SELECT max(readings) FROM (SELECT count(*) AS readings FROM heartbeat_records WHERE customer_id = '$source' GROUP BY xmin::text) b");
}
$node->set('heartbeat.batch_size' => 100);
cmp_ok(publish_lists('long-lists', 60, 1000), '<=', 9000, 'a transaction has the readings of a few messages, although each message has ten times as many readings as heartbeat.batch_size');

# If a batch exceeds a limit of PostgreSQL, the worker stores the batch in parts. Here a trigger raises the error that
# PostgreSQL raises for such a limit.
$node->set('heartbeat.batch_size' => 20_000);
$node->query($_) for q{CREATE FUNCTION limit_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF (SELECT count(*) FROM added) > 500 THEN RAISE 'too many rows' USING ERRCODE = 'program_limit_exceeded'; END IF; RETURN NULL; END $$},
	'CREATE TRIGGER limit_rows AFTER INSERT ON heartbeat_records REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION limit_rows()';
cmp_ok(publish_lists('short-lists', 20, 100), '<=', 500, 'a batch that exceeds a limit of PostgreSQL is stored in parts');
$node->query('DROP TRIGGER limit_rows ON heartbeat_records');
assert_all_exact('both audits are exact after both sources');

$node->assert_no_crash;
$kafka->stop;
done_testing();
