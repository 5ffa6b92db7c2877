# A person selects dead letters by their error code, and repairs these dead letters by SQL. A retry does not block ingest. If
# the worker later reads the message of a corrected dead letter again, the worker stores no second dead letter.
# heartbeat.dead_letter_limit stops ingest before bad messages fill the disk.

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
my $kafka = Heartbeat::Kafka->new('repair');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node = Heartbeat::Cluster->create('repair', kafka => $kafka);
my $time = reading_time(time - 60);

sub publish
{
	my @payloads = @_;
	$kafka->produce($topic, map { { partition => $_ % 2, value => $payloads[$_] } } 0 .. $#payloads);
	return;
}
sub stored { return $node->wait_for_offsets($topic, $kafka->end_offsets($topic)); }
sub summary
{
	return $node->query("SELECT string_agg(error_code || '=' || dead_letters, ' ' ORDER BY error_code) FROM heartbeat_dead_letter_summary");
}

# A constraint refuses readings, and a producer misspells a field.
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_77 CHECK (heart_rate <> 77)');
publish((map { reading("refused-$_", 77, $time) } 1 .. 10),
	(map { qq({"customer_id":"misspelt-$_","bpm":70,"event_timestamp":"$time"}) } 1 .. 6), 'garbage', 'rubbish',
	reading('good', 70, $time));
stored();
is(summary(), '23514=10 INVALID_JSON=2 MISSING_FIELD=6', 'heartbeat_dead_letter_summary counts the dead letters of each error');
is($node->query('SELECT resolved, remaining, remaining_errors FROM heartbeat_retry_dead_letters(partition => 0)'),
	'0|9|{"23514": 5, "INVALID_JSON": 1, "MISSING_FIELD": 3}', 'a retry that resolves nothing counts the remaining errors');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_77');
like($node->query_error("SELECT heartbeat_retry_dead_letters('$_')"), qr/there is no error code "\Q$_\E".*one of TOMBSTONE, .*INVALID_TIMESTAMP, .*UNKNOWN_SCHEMA, CONFLICT\./s, "an error code that no dead letter can have is refused: '$_'")
  for 'MISSING_FEILD', 'missing_field', '', 'OUT_OF_MEMORY', 'NONE', '2351', '23514 ';
is($node->query("SELECT resolved, remaining FROM heartbeat_retry_dead_letters('23514')"), '10|0', 'when a constraint is dropped, a retry stores the readings that the constraint had refused');
$node->query(q{UPDATE heartbeat_dead_letters SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '"bpm"', '"heart_rate"'), 'UTF8')
	WHERE error_code = 'MISSING_FIELD'});
is($node->query('SELECT * FROM heartbeat_retry_dead_letters()'), '6|2|{"INVALID_JSON": 2}', 'a retry stores the dead letters with corrected payloads');
is($node->query("SELECT count(*), count(*) FILTER (WHERE heart_rate = 70) FROM heartbeat_records WHERE customer_id LIKE 'misspelt-%'"),
	'6|6', 'the corrected dead letters are readings');
$node->assert_audit;

# After a seek the worker reads the misspelt messages again. Their dead letters are already corrected and resolved, so the
# worker must store no second dead letter for the same offsets.
my $letters = $node->count('heartbeat_dead_letters');
$node->query('SELECT heartbeat_pause(); SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p; SELECT heartbeat_resume()');
stored();
is($node->count('heartbeat_dead_letters'), $letters, 'a replay makes no dead letter of a corrected message');
is(summary(), 'INVALID_JSON=2', 'a resolved dead letter stays resolved after a replay');
$node->assert_audit;

# A retry stores most of its readings, and then waits for a lock at the last dead letter. Its transaction stays open, but ingest
# must continue.
$node->query(q{ALTER TABLE heartbeat_records ADD CONSTRAINT no_78 CHECK (heart_rate <> 78)});
publish(map { reading(sprintf('slow-%04d', $_), 78, $time) } 1 .. 1200);
stored();
$node->query(q{ALTER TABLE heartbeat_records DROP CONSTRAINT no_78;
	CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.customer_id = 'slow-1200' THEN PERFORM pg_advisory_xact_lock(7); END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER wait_for_lock BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION wait_for_lock()});
my $holder = $node->background_psql('heartbeat');
$holder->query_safe('SELECT pg_advisory_lock(7)');
my $retry = $node->background_psql('heartbeat');
$retry->query_until(qr/begun/, qq{\\echo begun\nSELECT resolved, remaining FROM heartbeat_retry_dead_letters('23514');\n});
$node->wait_for_query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", 1, 'the retry waits at its last dead letter');
publish(map { reading('meanwhile', 70, reading_time(time - 1000 + $_)) } 1 .. 20);
stored();
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'meanwhile'"), 20, 'ingest does not wait for a retry');
$holder->quit;
$node->wait_for_query('SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL', 2, 'the retry ends when the lock is released');
$retry->quit;
$node->query('DROP TRIGGER wait_for_lock ON heartbeat_records');
$node->assert_audit;

# Tests heartbeat.dead_letter_limit. A batch can bring the number of dead letters to the limit or above it. The worker still
# stores this batch. The worker does not store the next batch that has a dead letter.
my $unresolved = 'SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL';
$node->set('heartbeat.dead_letter_limit' => 5);
$node->wait_for_state('RUNNING');
publish(map { "garbage $_" } 1 .. 4);
stored();
is($node->query($unresolved), 6, 'the worker stores the batch that reaches the limit');
publish(reading('neighbour', 70, $time), reading('neighbour', 200, $time));
stored();
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'neighbour'"), 1, 'the worker stores readings after the limit is reached');
my $log    = $node->log_position;
my @before = $kafka->end_offsets($topic);
publish('garbage 5', 'garbage 6', reading('behind', 70, $time));
$node->wait_for_state('FAILED', 'heartbeat.dead_letter_limit \(5\) is reached: 6 dead letters', 'the worker is FAILED when one more dead letter arrives');
like($node->status->{hint}, qr/heartbeat_dead_letter_summary.*heartbeat_retry_dead_letters.*DELETE.*raise the limit/, 'the hint names the ways to continue');
like(slurp_file($node->logfile, $log), qr/WARNING:  heartbeat: FAILED: heartbeat.dead_letter_limit/, 'the log has a warning about the limit');
is($node->query($unresolved), 6, 'nothing of the batch above the limit is stored');
$node->assert_audit;

$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', 'dead_letter_limit', 'heartbeat_resume() alone does not end the state FAILED');
$node->set('heartbeat.dead_letter_limit' => 8);
stored();
is($node->query("SELECT ($unresolved), (SELECT count(*) FROM heartbeat_records WHERE customer_id = 'behind')"), '8|1',
	'the worker stores the batch when the limit is raised');

publish('garbage 7');
$node->wait_for_state('FAILED', 'is reached: 8 dead letters');
is($node->query("WITH gone AS (DELETE FROM heartbeat_dead_letters WHERE payload IN ('garbage', 'rubbish') RETURNING 1) SELECT count(*) FROM gone"),
	2, 'a person deletes two dead letters');
stored();
is($node->query($unresolved), 7, 'the worker stores the batch when there are fewer dead letters than the limit');
$node->assert_audit;
is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, 'heartbeat_audit_tables() shows no difference for the deleted dead letters');

publish('garbage 8');
stored();
publish('garbage 9');
$node->wait_for_state('FAILED', 'is reached: 8 dead letters');
$node->query("UPDATE heartbeat_dead_letters SET payload = convert_to('" . reading('mended', 70, $time) . "', 'UTF8') WHERE payload = 'garbage 8'");
is($node->query('SELECT resolved, remaining FROM heartbeat_retry_dead_letters()'), '1|7', 'a retry resolves the corrected dead letter');
stored();
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING when a dead letter is resolved');
is($node->query($unresolved), 8, 'the worker stores the next dead letter');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
