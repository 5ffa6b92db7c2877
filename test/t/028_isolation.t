# The test makes the database refuse readings with many error codes. If the error is the fault of one row, the reading of this
# row becomes a dead letter. After any other error the worker tries the batch again until the cause has ended.

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

my $kafka = Heartbeat::Kafka->new('isolation');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('isolation', kafka => $kafka);

# A trigger raises an error if the name of the customer asks for it: `raise 23505` raises the error 23505. If the name ends with
# an exclamation mark, the trigger raises the error only while the table "trouble" has a row.
$node->query('CREATE TABLE trouble (since timestamptz DEFAULT now())');
$node->query(q{CREATE FUNCTION raise_error() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.customer_id LIKE 'raise %' AND (new.customer_id NOT LIKE '%!' OR EXISTS (SELECT FROM public.trouble)) THEN
			RAISE EXCEPTION 'this reading was refused' USING ERRCODE = substr(new.customer_id, 7, 5);
		END IF;
		RETURN new;
	END $$});
$node->query("CREATE TRIGGER raise_error BEFORE INSERT ON $_ FOR EACH ROW EXECUTE FUNCTION raise_error()")
  for 'heartbeat_records', 'heartbeat_anomalies';

my $begin = int(time) - 3600;
my $published = 0;

# Publishes one reading for each customer. The event times are a millisecond apart.
sub publish
{
	my ($rate, @customers) = @_;
	$kafka->produce('heartbeat-events',
		map { { value => reading($_, $rate, reading_time($begin + int($published / 1000), $published++ % 1000 * 1000)) } } @customers);
	return;
}

# Returns how many rows the tables contain: records, anomalies, dead letters.
sub stored
{
	return $node->query('SELECT (SELECT count(*) FROM heartbeat_records), (SELECT count(*) FROM heartbeat_anomalies),
		(SELECT count(*) FROM heartbeat_dead_letters)');
}

# These errors are the fault of the row.
my @own = qw(09000 20000 21000 22003 22012 22P02 22P05 23502 23503 23505 23514 23P01 27000 38000 44000 45000 P0001 P0002 P0004);
my ($records, $anomalies, $letters) = (0, 0, 0);
for my $rate (70, 200)
{
	publish($rate, 'before', (map { ("raise $_", 'neighbour') } @own), 'after');
}
$node->wait_for_offsets('heartbeat-events', $published);
$records = $anomalies = @own + 2;
is(stored(), join('|', $records, $anomalies, 2 * @own), 'the readings around each refused row are stored, and nothing else');
is( $node->query(q{SELECT string_agg(error_code, ' ' ORDER BY "offset") FROM heartbeat_dead_letters}),
	"@own @own", 'each row that is refused for its own fault is a dead letter with its SQLSTATE');
is( $node->query(q{SELECT count(*) FROM heartbeat_dead_letters
		WHERE error_text = 'this reading was refused' AND position('heart_rate' IN convert_from(payload, 'UTF8')) > 0}),
	2 * @own, 'each of these dead letters has its reason and its bytes');
$node->assert_audit;
$letters = 2 * @own;

# These errors are not the fault of a row. The batch waits until the cause of the error ends, even if another row of the batch
# has a fault of its own. After the error 54000 the worker makes its batches smaller. The checks of the other errors need all
# rows in one batch, so 54000 is the last error in the list.
my @not_own = qw(08006 0A000 25006 28000 40001 40P01 42501 42P01 42883 53100 53200 53300 53400 55000 55P03 57014 58030 72000 XX000 54000);
for my $code (@not_own)
{
	my $log = $node->log_position;
	$node->query('INSERT INTO trouble DEFAULT VALUES');
	publish(70, 'raise P0001', 'before', "raise $code!", 'after', 'raise 23514', 'last');
	$node->wait_for_query("SELECT state, reason, last_error FROM heartbeat_state()",
		'RETRYING|this reading was refused|this reading was refused', "$code: the worker is RETRYING");
	is(stored(), "$records|$anomalies|$letters", "$code: the worker stores nothing, and makes no dead letter, while it is RETRYING");
	$node->query('DELETE FROM trouble');
	$node->wait_for_offsets('heartbeat-events', $published);
	$records += 4;
	$letters += 2;
	is(stored(), "$records|$anomalies|$letters", "$code: afterwards every row is stored, except rows with a fault of their own");
}
is($node->status->{state}, 'RUNNING', 'the worker is RUNNING after all these errors');
$node->assert_audit;

# While the worker searches for bad rows, an error can occur that is not the fault of a row. This can happen several times, and
# its cause can end at any step of the search.
$node->query('INSERT INTO trouble DEFAULT VALUES');
publish(70, map { $_ % 10 == 3 ? 'raise P0001' : $_ == 300 ? 'raise 40001!' : "customer $_" } 0 .. 399);
$node->wait_for_query('SELECT state FROM heartbeat_state()', 'RETRYING', 'the worker is RETRYING when trouble interrupts the search for bad rows');
$node->query('DELETE FROM trouble');
$node->wait_for_offsets('heartbeat-events', $published);
$records += 360;
$letters += 40;
is(stored(), "$records|$anomalies|$letters", 'each row is stored once, or is one dead letter');
$node->assert_audit;

# Publishes $count readings. The function $is_bad gets the number of a reading, and returns true if this reading must be bad.
# Measures how long the worker needs to store the other readings and to make each bad reading a dead letter.
sub pass_backlog
{
	my ($count, $what, $seconds_max, $is_bad) = @_;
	$node->query("SELECT heartbeat_pause()");
	publish(70, map { $is_bad->($_) ? 'raise P0001' : "customer $_" } 1 .. $count);
	my $began = time;
	$node->query("SELECT heartbeat_resume()");
	$node->wait_for_offsets('heartbeat-events', $published);
	my $seconds = time - $began;
	my $bad     = grep { $is_bad->($_) } 1 .. $count;
	$records += $count - $bad;
	$letters += $bad;
	is(stored(), "$records|$anomalies|$letters", "$what: all other rows are stored");
	cmp_ok($seconds, '<', $seconds_max, sprintf('%s: in %.1f seconds', $what, $seconds));
	return;
}
pass_backlog(20_000, 'no bad row in 20000',          20, sub { 0 });
pass_backlog(20_000, 'one bad row in 20000',         20, sub { $_[0] == 7777 });
pass_backlog(20_000, 'a hundred bad rows in 20000',  30, sub { $_[0] % 200 == 0 });
pass_backlog(20_000, 'nothing but bad rows in 20000', 60, sub { 1 });
$node->assert_audit;
$node->assert_no_crash;

done_testing();
