# While the workers read, the test calls heartbeat_add_source(), heartbeat_alter_source(), heartbeat_drop_source(), and the
# functions that have a parameter for a source. Each change takes effect exactly at its commit, and the audits show no
# difference.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('functions');
$kafka->start;
$kafka->create_topic($_, 2) for qw(heartbeat-events ward);
my $node = Heartbeat::Cluster->create('functions', kafka => $kafka, settings => { 'heartbeat.workers' => 2, 'heartbeat.batch_size' => 200 });

# The event times of each topic are in a different hour, so no two topics have the same reading.
my $now = int(time);
my %hour = ('heartbeat-events' => 2, ward => 3);
my %sent;

sub publish
{
	my ($topic, $count) = @_;
	$kafka->produce($topic, reading_stream($count, 2, start => $now - 3600 * $hour{$topic}, first => $sent{$topic} // 0));
	return $sent{$topic} += $count;
}

# Returns a query for the number of messages that the workers have read from a source. The topics have no transactions, so each
# offset has a message, and the sum of the stored offsets is this number.
sub passed { my ($source) = @_; return "SELECT coalesce(sum(next_offset), 0) FROM heartbeat_offsets WHERE source = '$source'"; }
sub stored { my ($source) = @_; return "SELECT coalesce(sum(records + anomalies), 0) FROM heartbeat_offsets WHERE source = '$source'"; }

sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, "$what: the audit of the counters shows no difference");
	return is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, "$what: the audit of the tables shows no difference");
}

publish('heartbeat-events', 1000);
publish('ward', 1000);
$node->query("SELECT heartbeat_add_source('ward', 'ward')");
$node->wait_for_query(stored('ward'),    1000, 'a source that was added is read, without a restart or a reload');
$node->wait_for_query(stored('default'), 1000, 'meanwhile the source default is read too');

# Calls heartbeat_pause() for one source. After the commit this source stores nothing, and no other source is paused.
$node->query("SELECT heartbeat_pause('a sensor is broken', 'ward')");
my $held = $node->query(stored('ward'));
$node->wait_for_query("SELECT state, reason, hint FROM heartbeat_source_status WHERE source = 'ward'",
	"PAUSED|a sensor is broken|heartbeat_resume('ward') resumes the source.", 'the hint of a paused source names the source');
publish($_, 500) for qw(ward heartbeat-events);
$node->wait_for_query(stored('default'), 1500, 'a pause of one source does not pause another source');
is($node->query(stored('ward')), $held, 'a paused source stores nothing');

# heartbeat_seek() of one source requires that this source is paused. Other sources need not be paused.
like($node->query_error("SELECT heartbeat_seek(0, 0)"), qr/heartbeat_seek needs source "default" to be paused.*HINT:  Call heartbeat_pause\(source => 'default'\) first and heartbeat_resume\('default'\) afterwards\./s,
	'a seek without a source needs a pause of the source default, and the error names this source');
is($node->query_error("SELECT heartbeat_add_source('it''s', 'absent')") . ($node->query_error("SELECT heartbeat_seek(0, 0, 'it''s')") =~ /(HINT:.*)/)[0],
	"HINT:  Call heartbeat_pause(source => 'it''s') first and heartbeat_resume('it''s') afterwards.", 'the calls in the hint about the pause have the source');
$node->query("SELECT heartbeat_drop_source('it''s')");
like($node->query_error("SELECT heartbeat_seek(now())"), qr/heartbeat_seek needs ingest to be paused/, 'a seek of all sources needs a pause of all sources');
like($node->query_error("SELECT heartbeat_seek(0, 0, 'none')"), qr/there is no source "none"/, 'a seek refuses an unknown source');
is($node->query("SELECT topic, previous_offset, new_offset FROM heartbeat_seek(0, 100, 'ward')"), 'ward|500|100', 'a seek of a source goes back in its topic');
is($node->query("SELECT topic, kafka_partition, new_offset, source_name FROM heartbeat_seek(to_timestamp(0), 1, 'ward')"), 'ward|1|0|ward', 'a seek of a source to a time moves the offset in its topic');
like($node->query_error("SELECT heartbeat_seek(0, 4711, 'ward')"), qr/Kafka does not hold offset 4711 of partition 0 of topic "ward".*HINT:  heartbeat_seek\(0, 0, 'ward'\) begins at the first message, heartbeat_seek\(0, \d+, 'ward'\) skips/s,
	'a seek asks Kafka for the topic of the source, and the calls in the hint have the source');
like($node->query_error("SELECT heartbeat_seek(7, 0, 'ward')"), qr/HINT:  heartbeat_seek\(7, NULL, 'ward'\) removes/, 'the call in the hint about a partition that does not exist has the source');
like($node->query_error("SELECT heartbeat_seek(0, NULL, 'ward')"), qr/HINT:  heartbeat_seek\(0, 0, 'ward'\) begins at offset 0. heartbeat_seek\(timestamptz, 0, 'ward'\) begins at a time/, 'so have the calls in the hint about a partition that was read');
# Pauses each source by its name. heartbeat_status then shows the state PAUSED and a reason, although there is no pause of all
# sources.
my ($state, $recorded) = ('SELECT state, reason FROM heartbeat_status', q{SELECT details->>'state', reason FROM heartbeat_events WHERE kind = 'state' ORDER BY id DESC LIMIT 1});
$node->query("SELECT heartbeat_pause('a disk is full', 'default')");
$node->wait_for_query($_, qr/^PAUSED\|(?:a disk is full|source "ward": a sensor is broken)$/, 'the state PAUSED has the reason of a source') for $state, $recorded;
$node->query("SELECT heartbeat_pause(NULL, NULL)");
is($node->query($state), 'PAUSED|paused by postgres', 'a pause of all sources comes before the pauses of single sources');
$node->query("SELECT heartbeat_resume()");
$node->wait_for_query(stored('ward'), 1500, 'the source is read again after heartbeat_resume()');
is($node->query("SELECT sum(duplicates) FROM heartbeat_offsets WHERE source = 'ward'"), 900, 'the messages that the seeks repeat are duplicates');
is($node->query("SELECT sum(duplicates) FROM heartbeat_offsets WHERE source = 'default'"), 0, 'no other source reads a message again');
assert_exact('after seeks of a source');

# A pause of all sources also pauses a source that is added later. Only a call of heartbeat_resume() without a source ends this
# pause.
$node->query("SELECT heartbeat_pause('all'); SELECT heartbeat_add_source('late', 'ward')");
$node->query("SELECT heartbeat_resume('late'); SELECT heartbeat_resume('ward')");
$node->wait_for_query("SELECT string_agg(DISTINCT hint, ' ') FROM heartbeat_source_status", 'heartbeat_resume() resumes ingest.', 'the hint of each source is about the pause of all sources');
publish('ward', 100);
$node->wait_for_query("SELECT string_agg(DISTINCT state, ' ') FROM heartbeat_source_status", 'PAUSED', 'a pause of all sources pauses each source');
is($node->query("SELECT count(*) FROM heartbeat_offsets WHERE source = 'late'"), 0, 'a pause of all sources also pauses a source that was added later');
$node->query("SELECT heartbeat_resume()");
$node->wait_for_query(passed($_), 1600, "heartbeat_resume() ends the pause of all sources: source $_ is read") for qw(ward late);
is($node->query("SELECT sum(duplicates), sum(records + anomalies) FROM heartbeat_offsets WHERE source IN ('late', 'ward')"), '2500|1600', 'two sources may read one topic: each reading is stored once, and then a duplicate');
assert_exact('with two sources of one topic');

# Calls heartbeat_replay() for all sources, for one source, and for one Kafka partition. A call with a Kafka partition and
# without a source replays this Kafka partition of the source `default`.
$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < to_timestamp($now - 3600 * 2)");
my $lost = $node->query("SELECT sum(stored) - (SELECT sum(counted) FROM heartbeat_audit_tables() WHERE table_name = 'heartbeat_records') FROM heartbeat_audit_tables() WHERE table_name = 'heartbeat_records'");
cmp_ok($lost, '<', 0, 'readings are deleted');
like($node->query_error("SELECT * FROM heartbeat_replay('2020-01-01', now(), source => 'none')"), qr/there is no source "none"/, 'a replay refuses an unknown source');
is($node->query("SELECT sum(records + anomalies), string_agg(DISTINCT source_name, ' ') FROM heartbeat_replay('2020-01-01', now() + interval '1 hour')"), (-$lost) . '|default late ward', 'a replay of all sources stores the readings that are missing');
is($node->query("SELECT sum(messages), sum(records + anomalies) FROM heartbeat_replay('2020-01-01', now() + interval '1 hour', source => 'ward')"), '1600|0', 'a replay of a source reads its topic');
is($node->query("SELECT string_agg(DISTINCT source_name, ' ') FROM heartbeat_replay('2020-01-01', now() + interval '1 hour', 0)"), 'default', 'a replay of a partition is of the source default');
assert_exact('after replays');

# A replay of a source decodes the messages with the mapping of this source.
$kafka->create_topic('flat', 1);
$kafka->produce('flat', map { { value => sprintf '{"who": "F%d", "hr": 70, "at": %d}', $_, $now - 3600 * 5 } } 1 .. 20);
$node->query(q{SELECT heartbeat_add_source('flat', 'flat', '{"customer_id": "/who", "heart_rate": "/hr", "event_timestamp": {"at": "/at", "unit": "s"}}')});
$node->wait_for_query(stored('flat'), 20, 'a source with a mapping is read');
$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'F%'");
is($node->query("SELECT messages, records, dead_letters FROM heartbeat_replay('2020-01-01', now() + interval '1 hour', source => 'flat')"), '20|20|0', 'a replay stores its readings again');

# In heartbeat_events, the event of heartbeat_alter_source() has the previous values, and the event of
# heartbeat_retry_dead_letters() has the filters of the call.
$kafka->produce('flat', { value => 'no JSON' });
$node->wait_for_query(q{SELECT count(*) FROM heartbeat_dead_letters WHERE source = 'flat'}, 1, 'the source has a dead letter');
like($node->query_error("SELECT heartbeat_retry_dead_letters(source => 'none')"), qr/there is no source "none"/, 'a retry refuses an unknown source');
$node->query(q{SELECT heartbeat_alter_source('flat', mapping => '{"when": {"/hr": null}, "customer_id": "/who", "heart_rate": "/hr", "event_timestamp": "/at"}')});
$node->query(q{SELECT heartbeat_alter_source('flat', preset => 'heartbeat', start_offset => 'latest', kafka_config_file => '/hidden')});
my $changes = q{SELECT details->'previous', details->'new', details->'given' FROM heartbeat_events WHERE kind = 'alter_source' ORDER BY id};
like($node->query($changes), qr{^\{"mapping": \{[^\n]*"event_timestamp": \{"at": "/at", "unit": "s"\}\}\}\|\{"mapping": \{"when": \{"/hr": null\}, [^\n]*\}\}\|\["mapping"\]\n},
	'the event of an alter has the previous and the new mapping');
like($node->query($changes), qr{\n\{"preset": null, "mapping": \{"when": [^\n]*\}, "start_offset": "earliest"\}\|\{"preset": "heartbeat", "mapping": null, "start_offset": "latest"\}\|\["preset", "kafka_config_file", "start_offset"\]$},
	'the event has the fields that have changed, but not the path of a properties file');
$node->query(q{SELECT heartbeat_retry_dead_letters('INVALID_JSON', 'flat', 0, '2020-01-01', NULL, ARRAY(SELECT id FROM heartbeat_dead_letters WHERE source = 'flat'), true, 'flat')});
$node->query(q{SELECT heartbeat_retry_dead_letters()});
is($node->query(q{SELECT details FROM heartbeat_events WHERE kind = 'retry' ORDER BY id}),
	'{"ids": 1, "topic": "flat", "source": "flat", "replace": true, "resolved": 0, "partition": 0, "remaining": 1, "error_code": "INVALID_JSON", "arrived_since": "2020-01-01T00:00:00+00:00", "remaining_errors": {"INVALID_JSON": 1}}'
	. "\n" . '{"resolved": 0, "remaining": 1, "remaining_errors": {"INVALID_JSON": 1}}', 'the event of a retry has its filters');
$node->query("SELECT heartbeat_drop_source('flat')");
my (undef, undef, $gone) = $node->psql('heartbeat', "SELECT heartbeat_retry_dead_letters(source => 'flat')");
like($gone, qr/WARNING:  1 dead letters stay unresolved, because their sources were dropped/, 'a retry of a dropped source warns');
assert_exact('after a replay by a mapping');

# heartbeat_alter_source() and heartbeat_drop_source() take effect exactly at the commit. From the call to the commit the
# workers store nothing from this source. So a query after the call, in the same transaction, sees all rows of this source that
# are stored before the commit.

# A source is FAILED. The hint of a source shows calls that name this source, so the calls do not change another source.
$node->query($_) for "SELECT heartbeat_pause(source => 'late')", "UPDATE heartbeat_offsets SET cluster_id = 'another' WHERE source = 'late'", "SELECT heartbeat_resume('late')";
$node->wait_for_query("SELECT state, reason, hint FROM heartbeat_source_status WHERE source = 'late'",
	qr/^FAILED\|.* belong to Kafka cluster another, .*\|To continue at another offset, call heartbeat_pause\(source => 'late'\), heartbeat_seek\(partition, offset, 'late'\) and heartbeat_resume\('late'\), or call heartbeat_alter_source\('late', offset_reset => 'earliest'\)\.$/,
	'the hint of a FAILED source has calls that change only this source');
$node->query("SELECT heartbeat_alter_source('late', offset_reset => 'earliest')");
$node->wait_for_log(qr/DETAIL:  The worker continues partition \d at offset 0, as the source's offset_reset requires\./);
$node->wait_for_query("SELECT state FROM heartbeat_source_status WHERE source = 'late'", 'RUNNING', 'the source is read again');
$node->query($_) for "SELECT heartbeat_pause(source => 'default')", "UPDATE heartbeat_offsets SET cluster_id = 'another' WHERE source = 'default'", "SELECT heartbeat_resume('default')";
$node->wait_for_query("SELECT state, hint FROM heartbeat_source_status WHERE source = 'default'",
	qr/^FAILED\|To continue at another offset, call heartbeat_pause\(source => 'default'\), heartbeat_seek\(partition, offset, 'default'\) and heartbeat_resume\('default'\), or set heartbeat\.offset_reset\.$/,
	'the calls in the hint of the source default also change only this source, because there are other sources');
$node->query($_) for "SELECT heartbeat_pause(source => 'default')", "UPDATE heartbeat_offsets SET cluster_id = NULL WHERE source = 'default'", "SELECT heartbeat_resume('default')";
$node->wait_for_query("SELECT state FROM heartbeat_source_status WHERE source = 'default'", 'RUNNING', 'the source default is read again');

$node->query("SELECT heartbeat_drop_source('late')");
$node->query("SELECT heartbeat_pause('the topic is filled', 'ward')");
publish('ward', 40_000);
my ($changed) = $node->query(<<"SQL") =~ /(\d+)/;
DO \$\$ BEGIN PERFORM heartbeat_resume('ward'); END \$\$;
DO \$\$ BEGIN WHILE (@{[ passed('ward') ]}) <= 2500 LOOP PERFORM pg_sleep(0.001); END LOOP; END \$\$;
BEGIN;
SELECT heartbeat_alter_source('ward', start_offset => 'latest');
@{[ passed('ward') ]};
COMMIT;
SQL
cmp_ok($changed, '<', $sent{ward}, 'a source is altered while it is read');
$node->wait_for_query(passed('ward'), $sent{ward}, 'each message is stored once, with the old revision or with the new revision');
assert_exact('after an alter');
publish('ward', 40_000);
$node->wait_for_query(passed('ward') =~ s/SELECT (.*) FROM/SELECT $1 > 43000 FROM/r, 't', 'the source is being read again');
my $rows = "SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)";
my ($dropped) = $node->query("BEGIN; SELECT heartbeat_drop_source('ward'); $rows; COMMIT") =~ /(\d+)/;
publish('heartbeat-events', 10);
$node->wait_for_query(stored('default'), 1510, 'the other source is read after a drop');
is($node->query($rows), $dropped + 10, 'no reading of a dropped source is stored after the commit');
is($node->query("SELECT count(*) FROM heartbeat_offsets WHERE source = 'ward'"), 0, 'the drop deletes the offsets of the source');
assert_exact('after a drop');
is($node->query("SELECT string_agg(kind || ' ' || (details->>'source'), ', ' ORDER BY id) FROM heartbeat_events WHERE kind LIKE '%\\_source'"),
	'add_source ward, add_source it\'s, drop_source it\'s, add_source late, add_source flat, alter_source flat, alter_source flat, drop_source flat, alter_source late, drop_source late, alter_source ward, drop_source ward', 'heartbeat_events has each change');

# The topic of a source does not exist. A replay and a seek to a time say so, and the hint does not name the brokers.
$node->query("SELECT heartbeat_add_source('early', 'absent'); SELECT heartbeat_pause(NULL, 'early')");
like($node->query_error($_), qr/topic "absent" does not exist in Kafka\nHINT:  Create the topic, or correct the source with heartbeat_alter_source\(\)\.$/m, "the error names the topic, and the hint says what to do: $_")
  for "SELECT heartbeat_seek(now(), source => 'early')", "SELECT heartbeat_replay('2020-01-01', now(), source => 'early')";
like(($node->psql('heartbeat', "SELECT source_name, error FROM heartbeat_replay('2020-01-01', now()) WHERE source_name = 'early'"))[1], qr/^early\|topic "absent" does not exist in Kafka$/, 'a replay of all sources leaves out a source without a topic');
$node->query("SELECT heartbeat_drop_source('early')");

$node->query("SELECT heartbeat_add_source('only', 'ward'); SELECT heartbeat_pause('a cable is broken', 'only'); SELECT heartbeat_drop_source('default')");
$node->wait_for_query($state, 'PAUSED|source "only": a cable is broken', 'the reason of a pause begins with the name of the source');

is( $node->query("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'heartbeat_source_status'::regclass"),
	'source topic state since reason hint messages_per_second lag_messages lag_seconds workers last_error last_error_at', 'heartbeat_source_status has its columns in the documented order');

# The table partitions of old weeks have the primary key of version 1.x. heartbeat_upgrade_keys() replaces these keys, and
# begins with the oldest week.
$node->query("SELECT heartbeat_make_partitions(t, t) FROM unnest('{2020-01-01, 2020-02-01, 2020-03-01, 2020-04-01}'::timestamptz[]) t");
my @old = map { "heartbeat_$_" } qw(records_2020w01 anomalies_2020w01 records_2020w05 records_2020w09 records_2020w14 anomalies_2020w14);
$node->query("ALTER TABLE $_ DROP CONSTRAINT ${_}_pkey, ADD PRIMARY KEY (customer_id, event_timestamp)") for @old;
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) SELECT 'C' || n, 70, '2020-01-01' FROM generate_series(1, 1000) n");
my $two = "INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp, device_id) VALUES ('C1', 71, '2020-01-01', 'right')";
like($node->query_error($two), qr/duplicate key value/, 'a week with the key of 1.x allows a customer only one reading for each time');
like($node->query_error('SELECT heartbeat_upgrade_keys(0)'), qr/the number of weeks must be at least 1, not 0/, 'heartbeat_upgrade_keys() refuses 0 weeks');
my $reader = $node->background_psql('heartbeat');
$reader->query_safe($_) for 'BEGIN', 'SELECT count(*) FROM heartbeat_records_2020w05';
is($node->query('SELECT table_partition FROM heartbeat_upgrade_keys(1) ORDER BY 1::text'), "heartbeat_records_2020w01\nheartbeat_anomalies_2020w01", 'one week is upgraded while a session reads another week');
my ($result, $out, $warning) = $node->psql('heartbeat', 'SELECT table_partition FROM heartbeat_upgrade_keys(1)');
is("$result|$out", '0|heartbeat_records_2020w09', 'a week that a session reads for a long time keeps its key, and does not count as upgraded');
like($warning, qr/WARNING:  table partition (?:public\.)?heartbeat_records_2020w05 keeps its key: .*lock timeout/, 'a warning names a week that keeps its key');
$reader->quit;
$node->query('CREATE UNIQUE INDEX CONCURRENTLY mine ON heartbeat_records_2020w14 (customer_id, event_timestamp, device_id)');
my $index   = $node->query("SELECT 'mine'::regclass::oid");
my $upgrade = 'SELECT count(*) FROM heartbeat_events WHERE kind = $$upgrade_keys$$';
my $calls   = $node->query($upgrade);
Heartbeat::Runbook->new($node, 'docs/administration.md')->run('From 1.x to 2.0', 1);
is($node->query($upgrade), $calls + 2, 'the statement of the document upgrades each remaining week in a separate transaction');
is($node->query("SELECT conindid = $index FROM pg_constraint WHERE conrelid = 'heartbeat_records_2020w14'::regclass AND contype = 'p'"), 't', 'the upgrade uses an index that a person has created');
is($node->query('SELECT count(*) FROM heartbeat_upgrade_keys()'), 0, 'after all upgrades no week has the key of 1.x');
$node->query($two);
is($node->count('heartbeat_records_2020w01'), 1001, 'the reading of a second device is stored in an upgraded week');
like($node->query("SELECT count(*), count(DISTINCT pg_get_indexdef(indexrelid) ~ 'customer_id, event_timestamp, device_id') FROM pg_index
	WHERE indisprimary AND indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass))"), qr/\|1$/, 'all table partitions have one kind of key');

$node->assert_no_crash;
$kafka->stop;
done_testing();
