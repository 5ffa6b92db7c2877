# A user's trigger calls heartbeat's functions inside a statement of heartbeat. One trigger also renames the schema, one trigger
# calls itself without end, and one trigger stores readings in a block that is rolled back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

$ENV{MALLOC_PERTURB_} = 85;    # glibc overwrites freed memory, so the use of freed memory causes an error

my $kafka = Heartbeat::Kafka->new('reentry');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('reentry', kafka => $kafka, extension => 0);
$node->query('CREATE SCHEMA hb');
$node->query('CREATE EXTENSION heartbeat SCHEMA hb');
$node->query('ALTER DATABASE heartbeat SET search_path = hb, hb_renamed, public');

my $start     = int(time) - 3600;
my $published = 0;

sub publish
{
	my ($customer, $rate, $later) = @_;
	$kafka->produce('heartbeat-events', { value => reading($customer, $rate, reading_time($start + ($later // 0) + $published++)) });
	return;
}

# A trigger refuses readings of the customers GHOST... while the table "trouble" has a row. When the row is deleted, a retry can
# store these readings.
$node->query('CREATE TABLE public.trouble ()');
$node->query(q{CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF EXISTS (SELECT FROM public.trouble) AND new.customer_id LIKE 'GHOST%' THEN RAISE EXCEPTION 'refused'; END IF;
		RETURN new;
	END $$});
$node->query("CREATE TRIGGER refuse BEFORE INSERT ON heartbeat_$_ FOR EACH ROW EXECUTE FUNCTION public.refuse()")
  for 'records', 'anomalies';
$node->query('INSERT INTO public.trouble DEFAULT VALUES');
publish("GHOST$_", 70) for 1 .. 40;
$node->wait_for_query('SELECT count(*) FROM heartbeat_dead_letters', 40, 'forty readings are dead letters');
my $ids = $node->query(q{SELECT string_agg(id || '::bigint', ', ' ORDER BY id) FROM heartbeat_dead_letters});
$node->query('DELETE FROM public.trouble');

# A trigger renames the schema while heartbeat's UPDATE of the dead letters runs, and then calls the retry again. So the server must
# plan the same UPDATE again while the first UPDATE still runs.
$node->query(qq{CREATE FUNCTION public.rename() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		IF pg_catalog.pg_trigger_depth() = 1 THEN
			FOR i IN 2 .. 29 BY 2 LOOP
				ALTER SCHEMA hb RENAME TO hb_renamed;
				PERFORM hb_renamed.heartbeat_retry_dead_letters(NULL, NULL, NULL, NULL, NULL, (ARRAY[$ids])[i : i]);
				ALTER SCHEMA hb_renamed RENAME TO hb;
				PERFORM hb.heartbeat_retry_dead_letters(NULL, NULL, NULL, NULL, NULL, (ARRAY[$ids])[i + 1 : i + 1]);
			END LOOP;
		END IF;
		RETURN new;
	END \$\$});
$node->query('CREATE TRIGGER rename BEFORE UPDATE ON heartbeat_dead_letters FOR EACH ROW EXECUTE FUNCTION public.rename()');
is( $node->query("BEGIN; SELECT resolved FROM heartbeat_retry_dead_letters(NULL, NULL, NULL, NULL, NULL, (ARRAY[$ids])[1 : 1]);"
		  . " SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL; ROLLBACK"),
	"1\n11", 'a running statement continues after the server has planned this statement again')
  for 1 .. 3;
like($node->query_error('SELECT heartbeat_retry_dead_letters()'),
	qr/already modified by an operation triggered by the current command/,
	'a nested call that resolves the same dead letters fails');
$node->query('DROP TRIGGER rename ON heartbeat_dead_letters');

# A trigger calls itself without end.
$node->query(q{CREATE FUNCTION public.again() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN PERFORM hb.heartbeat_retry_dead_letters(); RETURN new; END $$});
$node->query('CREATE TRIGGER again BEFORE UPDATE ON heartbeat_dead_letters FOR EACH ROW EXECUTE FUNCTION public.again()');
like($node->query_error('SELECT heartbeat_retry_dead_letters()'), qr/stack depth limit exceeded/, 'a recursive call fails at the stack depth limit');
$node->query('DROP TRIGGER again ON heartbeat_dead_letters');

# A trigger in the worker stores readings in a block that is rolled back. The rollback also removes the customers that the
# block has added, so the worker must not treat these customers as stored.
$node->query('DROP TRIGGER refuse ON heartbeat_' . $_) for 'records', 'anomalies';
$node->query('CREATE TABLE public.undone ()');
$node->query(q{CREATE FUNCTION public.undo() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		BEGIN
			IF pg_catalog.pg_trigger_depth() = 1 THEN
				PERFORM hb.heartbeat_retry_dead_letters();
				RAISE EXCEPTION 'undone' USING ERRCODE = 'XX999';
			END IF;
		EXCEPTION WHEN SQLSTATE 'XX999' THEN
			INSERT INTO public.undone DEFAULT VALUES;
		END;
		RETURN NULL;
	END $$});
$node->query('CREATE TRIGGER undo AFTER INSERT ON heartbeat_records EXECUTE FUNCTION public.undo()');
publish('CUST-1', 70);
$node->wait_for_offsets('heartbeat-events', $published);
is($node->count('public.undone'), 1, 'the trigger stored readings in a block that was rolled back');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id LIKE 'GHOST%'"), 0, 'the readings of this block are not stored');
$node->query('DROP TRIGGER undo ON heartbeat_records');
publish('GHOST1', 200, 1000);    # for an anomaly, the worker adds the customer to the rollup, but adds no heart rate
$node->wait_for_offsets('heartbeat-events', $published);
$node->wait_for_query("SELECT count(*) FROM heartbeat_customers WHERE customer_id = 'GHOST1'", 1, 'the worker adds a customer again after the rollback');

is($node->query('SELECT resolved, remaining FROM heartbeat_retry_dead_letters()'), '40|0', 'the dead letters can still be retried');
$node->assert_audit;
$node->wait_for_state('RUNNING');
$node->assert_no_crash;

done_testing();
