# Users add constraints, indexes and triggers to the tables. A reading that such an object refuses, drops or changes becomes a
# dead letter.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('kept_out');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('kept_out', kafka => $kafka);

my $begin     = int(time) - 3600;
my $published = 0;
my ($records, $letters, $duplicates) = (0, 0, 0);

# Publishes one reading of each customer while ingest is paused, so the worker later stores all readings in one batch. The event
# times are a millisecond apart. Passes when $kept readings are stored, and $refused readings are dead letters with the error
# code $code.
sub try_batch
{
	my ($what, $kept, $refused, $code, @customers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->query('SELECT heartbeat_pause()');
	$kafka->produce('heartbeat-events',
		map { { value => reading($_, 70, reading_time($begin + int($published / 1000), $published++ % 1000 * 1000)) } } @customers);
	my $last = $node->query('SELECT coalesce(max(id), 0) FROM heartbeat_dead_letters');
	$node->query('SELECT heartbeat_resume()');
	$node->wait_for_offsets('heartbeat-events', $published);
	$records += $kept;
	$letters += $refused;
	is( $node->query('SELECT (SELECT count(*) FROM heartbeat_records), sum(records), sum(dead_letters), sum(duplicates) FROM heartbeat_offsets'),
		"$records|$records|$letters|$duplicates", "$what: the counters equal the rows in the tables");
	is( $node->query("SELECT count(*), string_agg(DISTINCT error_code, ' ') FROM heartbeat_dead_letters WHERE id > $last"),
		"$refused|$code", "$what: every reading that is not stored is a dead letter");
	return;
}

# the worker can store small and large batches in different ways, so the test publishes both
sub customers { my ($count, $bad) = @_; return map { $_ % 100 == 50 ? $bad : "customer $_" } 1 .. $count; }
try_batch('before', 300, 0, '', customers(300, 'as good as any'));

$node->query(q{CREATE FUNCTION check_customer() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN IF new.customer_id = 'bad' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END IF; RETURN NULL; END $$});
$node->query('CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON heartbeat_records DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION check_customer()');
try_batch('a constraint that is checked at commit',               99, 1, '23514', customers(100, 'bad'));
try_batch('a constraint that is checked at commit, many rows',   396, 4, '23514', customers(400, 'bad'));
$node->query('DROP TRIGGER checked ON heartbeat_records');

$node->query('CREATE TABLE patients (id text PRIMARY KEY)');
$node->query(q{INSERT INTO patients SELECT 'customer ' || n FROM generate_series(1, 400) n});
my $week = $node->query(q{SELECT tableoid::regclass FROM heartbeat_records LIMIT 1});
$node->query("ALTER TABLE $week ADD CONSTRAINT patient FOREIGN KEY (customer_id) REFERENCES patients DEFERRABLE INITIALLY DEFERRED NOT VALID");
try_batch('a foreign key that is checked at commit', 396, 4, '23503', customers(400, 'bad'));
$node->query("ALTER TABLE $week DROP CONSTRAINT patient");
$node->query("ALTER TABLE heartbeat_records ADD CONSTRAINT known CHECK (customer_id <> 'bad') NOT VALID");
try_batch('a constraint that is not valid for old rows', 396, 4, '23514', customers(400, 'bad'));
$node->query("ALTER TABLE heartbeat_records DROP CONSTRAINT known");

$node->query("CREATE UNIQUE INDEX one_each ON $week (customer_id) WHERE customer_id = 'bad'");
try_batch('a unique index of a user, with a new value', 100, 0, '', customers(100, 'bad'));
try_batch('a unique index of a user\'s, few rows',  99, 1, '23505', customers(100, 'bad'));
try_batch('a unique index of a user\'s, many rows', 396, 4, '23505', customers(400, 'bad'));
$node->query('DROP INDEX one_each');

my $trigger = 'CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS';
$node->query("$trigger \$\$ BEGIN IF new.customer_id = 'bad' THEN RETURN NULL; END IF; RETURN new; END \$\$");
$node->query('CREATE TRIGGER meddle BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION meddle()');
try_batch('a trigger that drops rows',            99, 1, '27000', customers(100, 'bad'));
try_batch('a trigger that drops rows, many rows', 396, 4, '27000', customers(400, 'bad'));
$node->query("$trigger \$\$ BEGIN IF new.customer_id = 'bad' THEN new.customer_id = 'worse'; END IF; RETURN new; END \$\$");
try_batch('a trigger that changes the key',            99, 1, '27000', customers(100, 'bad'));
try_batch('a trigger that changes the key, many rows', 396, 4, '27000', customers(400, 'bad'));
$node->query("$trigger \$\$ BEGIN new.ingested_at = new.ingested_at - interval '1 hour'; RETURN new; END \$\$");
try_batch('a trigger that changes something else', 400, 0, '', customers(400, 'bad'));
$node->assert_audit;

# A trigger drops the readings of one customer, and a seek to offset 0 makes the worker read all messages again. The counters
# must still equal the rows in the tables.
$node->query('SELECT heartbeat_pause()');
$node->query("$trigger \$\$ BEGIN IF new.customer_id = 'customer 1' THEN RETURN NULL; END IF; RETURN new; END \$\$");
$node->query('SELECT heartbeat_seek(0, 0)');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', $published);
$node->assert_audit;
$node->query('DROP TRIGGER meddle ON heartbeat_records');

# If a dead letter cannot be stored, the batch waits.
my $before = $node->query('SELECT count(*) FROM heartbeat_dead_letters');
$node->query("ALTER TABLE heartbeat_dead_letters ADD CONSTRAINT full_up CHECK (false) NOT VALID");
$kafka->produce('heartbeat-events', { value => 'no reading' }, { value => reading('neighbour', 70, reading_time($begin + 1000)) });
$node->wait_for_state('RETRYING', 'full_up');
is($node->query('SELECT next_offset FROM heartbeat_offsets'), $published, 'the batch waits when its dead letter cannot be stored');
$node->query('ALTER TABLE heartbeat_dead_letters DROP CONSTRAINT full_up');
$node->wait_for_offsets('heartbeat-events', $published + 2);
is($node->query("SELECT count(*) - $before FROM heartbeat_dead_letters"), 1, 'the dead letter is stored when the constraint is dropped');
$node->wait_for_state('RUNNING');
$node->assert_audit;

# If a trigger never returns, pg_terminate_backend() must end the worker that runs the trigger.
$node->query("$trigger \$\$ BEGIN PERFORM pg_catalog.pg_sleep(3600); RETURN new; END \$\$");
$node->query('CREATE TRIGGER meddle BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION meddle()');
$kafka->produce('heartbeat-events', { value => reading('neighbour', 70, reading_time($begin + 1001)) });
my $asleep = "FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event = 'PgSleep'";
$node->wait_for_query("SELECT count(*) $asleep", 1, 'a trigger does not return');
$node->query("$trigger \$\$ BEGIN RETURN new; END \$\$");
is($node->query("SELECT pg_terminate_backend(pid, 10000) $asleep"), 't', 'pg_terminate_backend() ends a worker that waits for a trigger');
$node->wait_for_offsets('heartbeat-events', $published + 3);
$node->assert_audit;
$node->assert_no_crash;

done_testing();
