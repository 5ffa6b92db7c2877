# A reading is in conflict if a stored reading of the same table (heartbeat_records or heartbeat_anomalies) has the same
# customer, time and device, but another heart rate. The stored reading stays, and the message of the new reading becomes a dead
# letter. A retry with `replace` replaces the stored heart rate with the heart rate of the dead letter. Both audits stay exact.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('conflicts');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('conflicts', kafka => $kafka);
my $epoch = 1_767_225_600;    # 2026-01-01 00:00:00 UTC
my $published = 0;

# Publishes messages in one transaction, so that the worker stores the messages in one batch. Waits until the messages are
# stored. Each transaction also uses one offset for its marker.
sub publish
{
	my (@values) = @_;
	$kafka->produce_transaction($topic, 'commit', map { { value => $_, timestamp => ($epoch + $published) * 1000 } } @values);
	$published += @values + 1;
	$node->wait_for_offsets($topic, $published);
	return;
}
sub at { my ($customer, $rate, $second) = @_; return reading($customer, $rate, reading_time($epoch + ($second // 0))); }
sub rates { my ($customer) = @_; return $node->query(qq{
	SELECT string_agg(heart_rate || coalesce(' ' || anomaly_type, ''), ', ' ORDER BY heart_rate)
	FROM (SELECT heart_rate, NULL AS anomaly_type FROM heartbeat_records WHERE customer_id = '$customer'
		UNION ALL SELECT heart_rate, anomaly_type FROM heartbeat_anomalies WHERE customer_id = '$customer') r}); }
sub counters { return $node->query('SELECT messages, ignored, dead_letters, readings, records, anomalies, duplicates, conflicts FROM heartbeat_audit()'); }
sub letters { my ($where) = @_; return $node->query("SELECT count(*) FROM heartbeat_dead_letters WHERE $where"); }
sub assert_metric
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->query(q{SELECT sum(value) FROM heartbeat_metrics WHERE name = 'heartbeat_conflicts'}),
		$node->query(q{SELECT coalesce(sum(jsonb_array_length(readings)), 0) FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND error_code = 'CONFLICT'}),
		"$what: heartbeat_conflicts counts the readings of the unresolved messages in conflict");
}
sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	assert_metric($what);
	$node->assert_audit;
	$node->assert_summary;
	return is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, $what);
}
sub retry { my ($arguments) = @_; return $node->query("SELECT resolved, remaining, remaining_errors FROM heartbeat_retry_dead_letters($arguments)"); }

# Tests conflicts between two batches.
publish(at('between', 74));
publish(at('between', 74), at('between', 75));
is(rates('between'), '74', 'the first reading stays');
is(counters(), '3|0|0|3|1|0|1|1', 'the same heart rate is a duplicate, and another heart rate is a conflict');
is( $node->query(q{SELECT error_code, convert_from(payload, 'UTF8') = '} . at('between', 75) . q{', readings FROM heartbeat_dead_letters}),
	'CONFLICT|t|[{"device_id": "", "heart_rate": 75, "customer_id": "between", "event_timestamp": "2026-01-01T00:00:00+00:00", "stored_heart_rate": 74}]',
	'the message of the conflict is kept with its bytes and its reading');
like($node->query('SELECT error_text FROM heartbeat_dead_letters'), qr/^1 of 1 readings is not stored: another heart rate/, 'the error text says what is in conflict');
assert_exact('both audits find no difference after a conflict');

# Tests conflicts of readings of one batch, and then conflicts with a stored reading.
publish(at('within', 80), at('within', 81), at('within', 80), at('within', 200));
is(rates('within'), '80, 200 TACHYCARDIA', 'a normal and an anomalous reading of one time are two readings');
is(letters(q{readings->0->>'customer_id' = 'within' AND readings->0->>'stored_heart_rate' = '80'}), 1, 'another heart rate within one batch is a conflict');
publish(at('between', 76), at('between', 74), at('between', 77));
is(letters(q{readings->0->>'customer_id' = 'between' AND readings->0->>'stored_heart_rate' = '74'}), 3,
	'if the first reading of a batch is in conflict, the other readings are compared with the stored reading');
is(counters(), '10|0|0|10|2|1|3|4', 'the counters add up');
assert_exact('both audits find no difference with conflicts within a batch');

# The worker uses another statement for many readings than for few readings. So the test also causes a conflict in a large
# batch.
publish((map { at("many-$_", 70, $_) } 1 .. 400), at('between', 78));
publish(map { at("many-$_", $_ == 7 ? 71 : 70, $_) } 1 .. 400);
is(letters(q{readings->0->>'customer_id' LIKE 'many-%'}), 1, 'one conflict among many duplicates is found');
is(counters(), '811|0|0|811|402|1|402|6', 'the other readings are duplicates');
assert_exact('both audits find no difference after a batch of duplicates');

# A retry without `replace` changes nothing.
is(retry(q{'CONFLICT'}), '0|6|{"CONFLICT": 6}', 'a retry without replace resolves no conflict');
is(retry('NULL, NULL, NULL, NULL, NULL, NULL, false'), '0|6|{"CONFLICT": 6}', 'a retry of all codes without replace resolves no conflict');
is(counters(), '811|0|0|811|402|1|402|6', 'a retry without replace changes no counter');
like($node->query_error(q{SELECT heartbeat_retry_dead_letters('CONFLICTS')}), qr/there is no error code "CONFLICTS"/, 'a wrong code is refused');

# A replay reads the messages in conflict again
sub replay { return $node->query("SELECT messages, records, anomalies, duplicates, dead_letters FROM heartbeat_replay(to_timestamp($epoch - 10), now() + interval '1 day')"); }
is(replay(), '811|0|0|811|0', 'a replay stores nothing, and keeps no conflict a second time');
is(letters('true'), 6, 'a message in conflict has one row');
is(counters(), '1622|0|0|1622|402|1|1213|6', 'a conflict that is read again is not a new conflict');
assert_exact('both audits find no difference after the replay');

# With `replace` a retry stores the heart rate of the last message
is(retry(q{'CONFLICT', ids => (SELECT array_agg(id) FROM heartbeat_dead_letters WHERE readings->0->>'customer_id' = 'between'), replace => true}), '4|0|{}', 'replace settles conflicts');
is(rates('between'), '78', 'the newest heart rate is stored');
is(counters(), '1622|0|0|1622|402|1|1217|2', 'each settled conflict counts as a duplicate');
assert_exact('after replace, both audits find no difference, and the summary equals the readings');
is($node->query("SELECT conflicts, ignored, error FROM heartbeat_replay(to_timestamp($epoch - 10), now() + interval '1 day')"), '3|0|', 'a replay shows its new conflicts');
is(letters(q{resolved_at IS NULL AND readings->0->>'customer_id' = 'between'}), 3, 'after a second read, the three messages whose heart rates were replaced are in conflict');
is(counters(), '2433|0|0|2433|402|1|2025|5', 'these messages count as new conflicts');
replay();
is(letters(q{resolved_at IS NULL AND readings->0->>'customer_id' = 'between'}), 3, 'a third read keeps no conflict a second time');
assert_exact('both audits find no difference after the replays');

# The new heart rate has another class than the stored heart rate. An anomaly that becomes an anomaly of another class stays in
# heartbeat_anomalies. A normal reading that becomes an anomaly moves from heartbeat_records to heartbeat_anomalies.
publish(at('class', 200), at('class', 30), at('table', 74), at('table', 75));
$node->query(q{UPDATE heartbeat_dead_letters SET payload = convert_to('} . at('table', 250) . q{', 'UTF8') WHERE readings->0->>'customer_id' = 'table'});
is(retry(q{'CONFLICT', arrived_since => now() - interval '1 hour', ids => (SELECT array_agg(id) FROM heartbeat_dead_letters WHERE readings->0->>'customer_id' IN ('class', 'table')), replace => true}),
	'2|0|{}', 'replace settles conflicts of another class');
is(rates('class'), '30 BRADYCARDIA', 'an anomaly becomes an anomaly of another type');
is(rates('table'), '250 TACHYCARDIA', 'a normal reading becomes an anomaly, in the other table');
is($node->query('SELECT bradycardia, tachycardia, records, anomalies FROM heartbeat_offsets'), '1|2|402|3', 'the counters of the classes change with the readings');
assert_exact('after a change of the class, both audits find no difference, and the summary equals the readings');

# A person can store NaN or Infinity in heartbeat_anomalies. JSON has no number for such a heart rate.
my @extremes = qw(NaN Infinity -Infinity);
$node->query("INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES ('extreme$_', '$_', to_timestamp($epoch), 'INVALID')") for @extremes;
publish(map { at("extreme$_", 200) } @extremes);
is( $node->query(q{SELECT string_agg(r.stored_heart_rate || ' ' || r.heart_rate, ', ' ORDER BY l.id) FROM heartbeat_dead_letters l,
		jsonb_to_recordset(l.readings) AS r (customer_id text, stored_heart_rate double precision, heart_rate double precision) WHERE r.customer_id LIKE 'extreme%'}),
	join(', ', map { "$_ 200" } @extremes), 'a reading is in conflict with a stored heart rate that JSON cannot write as a number');
is(retry(q{'CONFLICT', ids => (SELECT array_agg(id) FROM heartbeat_dead_letters WHERE readings->0->>'customer_id' LIKE 'extreme%'), replace => true}), '3|0|{}', 'replace settles these conflicts');
is(rates("extreme$_"), '200 TACHYCARDIA', "200 replaces $_") for @extremes;
$node->query(q{DELETE FROM heartbeat_anomalies WHERE customer_id LIKE 'extreme%'});
assert_exact('after these conflicts, both audits find no difference, and the summary equals the readings');

# The database can refuse the replacement.
publish(at('refused', 74), at('refused', 99), at('refused', 76));
$node->query(q{CREATE FUNCTION refuse_99() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.heart_rate = 99 THEN RAISE EXCEPTION 'not 99'; END IF; RETURN NEW; END $$;
	CREATE TRIGGER refuse_99 BEFORE UPDATE ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION refuse_99()});
like(retry(q{'CONFLICT', ids => (SELECT array_agg(id) FROM heartbeat_dead_letters WHERE readings->0->>'customer_id' = 'refused'), replace => true}),
	qr/^1\|1\|\{"CONFLICT": 1\}$/, 'a refused replacement leaves the conflict');
is(rates('refused'), '76', 'the other conflict is settled');
like($node->query(q{SELECT error_text FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND readings->0->>'customer_id' = 'refused'}),
	qr/the database refused the replacement: P0001: not 99/, 'the error text says why');
$node->query('DROP TRIGGER refuse_99 ON heartbeat_records');
assert_exact('both audits find no difference after a refused replacement');

# A batch has two heart rates for one time. The database refuses the first heart rate, so heartbeat stores the second.
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_98 CHECK (heart_rate <> 98) NOT VALID');
publish(at('second', 98), at('second', 97), at('second', 98), at('neighbour', 70));
is(rates('second'), '97', 'the reading that the database accepts is stored');
is(letters(q{error_code = '23514'}), 2, 'the refused messages are dead letters');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_98');
assert_exact('both audits find no difference after a refused reading');

# When the worker reads the message of a dead letter again, only the counter `messages` increases.
publish('garbage');
my $before = $node->query('SELECT messages, duplicates, dead_letters FROM heartbeat_offsets');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(0, ' . ($published - 2) . '); SELECT heartbeat_resume()');
$node->wait_for_offsets($topic, $published);
is($node->query('SELECT messages - 1, duplicates, dead_letters FROM heartbeat_offsets'), $before, 'a dead letter that is read again counts as a message, and not as a duplicate');
is(letters(q{payload = 'garbage'}), 1, 'the dead letter is stored once');
assert_exact('both audits find no difference after the seek');

# If a user's trigger can change the stored heart rates, heartbeat does not compare heart rates, and finds no conflict.
$node->query(q{CREATE FUNCTION round_rate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.heart_rate := round(NEW.heart_rate); RETURN NEW; END $$;
	CREATE TRIGGER round_rate BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION round_rate()});
my $conflicts = $node->query('SELECT conflicts FROM heartbeat_offsets');
publish(at('rounded', 74.4), at('rounded', 74.6));
publish(at('rounded', 75.6));
is(rates('rounded'), '74', 'the first reading is stored');
is($node->query('SELECT conflicts FROM heartbeat_offsets'), $conflicts, 'the other readings count as duplicates');
assert_exact('both audits find no difference with a trigger');

# A person deletes the stored reading. Without the conflict, a retry stores the other reading even without `replace`.
$node->query('DROP TRIGGER round_rate ON heartbeat_records');
publish(at('gone', 74), at('gone', 75));
my $counted = $node->query('SELECT readings, records, duplicates, conflicts FROM heartbeat_offsets');
my ($readings, $records, $duplicates, $in_conflict) = split /\|/, $counted;
$node->query(q{DELETE FROM heartbeat_records WHERE customer_id = 'gone'});
is(retry(q{'CONFLICT', ids => (SELECT array_agg(id) FROM heartbeat_dead_letters WHERE readings->0->>'customer_id' = 'gone')}), '1|0|{}', 'a conflict is settled without replace');
is(rates('gone'), '75', 'the reading in conflict is stored');
is($node->query('SELECT readings, records, duplicates, conflicts FROM heartbeat_offsets'), join('|', $readings, $records + 1, $duplicates, $in_conflict - 1),
	'the reading counts as a record, and not as a conflict');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'heartbeat_audit() still finds no difference');

# heartbeat.dead_letter_limit stops a source with too many conflicts.
my $limit = $node->query('SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL');
my $open  = $node->query(q{SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND error_code = 'CONFLICT'});
$node->set('heartbeat.dead_letter_limit' => $limit + 1);
publish(at('limit', 74), at('limit', 75));
$node->wait_for_state('RUNNING');
$kafka->produce_transaction($topic, 'commit', { value => at('limit', 76) });
$published += 2;
$node->wait_for_state('FAILED', "heartbeat.dead_letter_limit \\(@{[ $limit + 1 ]}\\) is reached: @{[ $limit - $open ]} dead letters and at least @{[ $open + 1 ]} messages in conflict",
	'the worker is FAILED when one more conflict arrives');
is(letters(q{error_code = 'CONFLICT' AND resolved_at IS NULL}), $open + 1, 'the worker has not stored this conflict');
$node->query(q{DELETE FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND readings->0->>'customer_id' = 'limit'});
$node->wait_for_offsets($topic, $published);
$node->wait_for_state('RUNNING');
is(letters(q{resolved_at IS NULL AND readings->0->>'customer_id' = 'limit'}), 1, 'the worker continues after a person has deleted a conflict');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'heartbeat_audit() finds no difference after the limit was reached');

# The metric falls when a person deletes messages in conflict. The counter does not fall, because the audit needs the total.
$counted = $node->query('SELECT sum(conflicts) FROM heartbeat_offsets');
assert_metric('after a deletion');
$node->query(q{UPDATE heartbeat_dead_letters SET readings = '{}' WHERE resolved_at IS NULL AND readings->0->>'customer_id' = 'limit'});
$node->query(q{DELETE FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND readings = '{}'});
is(letters(q{readings = '{}'}), 0, 'a person can delete a message in conflict after a change of its readings');
$node->query('TRUNCATE heartbeat_dead_letters');
assert_metric('after TRUNCATE');
is($node->query('SELECT sum(conflicts), sum(conflicts_deleted) FROM heartbeat_offsets'), "$counted|$counted", 'the counter of conflicts does not fall');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'heartbeat_audit() finds no difference after the deletions');

$node->assert_no_crash;
$kafka->stop;
done_testing();
