# vw_customer_bpm_summary stays exact when a user changes readings by UPDATE, DELETE, MERGE or TRUNCATE, on heartbeat_records or
# on one of its table partitions. The changes occur in a transaction, a savepoint or a prepared transaction, while readings
# arrive and while minutes are rolled up. A user who changes readings needs no right on the tables of the rollup. Some changes
# run no trigger. After these changes heartbeat_rebuild_summary() repairs the summary.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('changed');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('changed', kafka => $kafka, owner => 'heartbeat_owner', settings => { max_prepared_transactions => 5 });
my $now  = int(time / 60) * 60 - 7200;
my $old  = $now - 61 * 7 * 86400;    # heartbeat creates no table partition for this time
my $published = 0;

sub publish
{
	my ($start, $seconds, $customers) = @_;
	my @messages;
	for my $second (0 .. $seconds - 1)
	{
		push @messages, { value => reading("C$_", 60 + ($second * 7 + $_) % 60, reading_time($start + $second, $_)) } for 1 .. $customers;
	}
	$kafka->produce($topic, @messages);
	$published += @messages;
	return $node->wait_for_offsets($topic, $published);
}

sub wait_for_rollup
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
	$node->query('SELECT heartbeat_wake_workers()');
	return $node->wait_for_query('SELECT (SELECT count(*) FROM heartbeat_rollup_pending) + (SELECT count(*) FROM heartbeat_stale_minutes)', 0, $what);
}

# Passes when the summary is exact immediately after a change, and again after the rollup.
sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->assert_summary("$what: the summary equals the readings at once");
	wait_for_rollup("$what: the minutes are rolled up");
	return $node->assert_summary("$what: the summary equals the readings after the rollup");
}

publish($now, 300, 5);
publish($now - 7 * 86400, 120, 5);
publish($old, 120, 5);
publish($now + 600, 60, 3);
wait_for_rollup('all minutes are rolled up before the changes');
my ($week, $week_before) = map { $node->query("SELECT tableoid::regclass FROM heartbeat_records WHERE event_timestamp >= to_timestamp($_) ORDER BY event_timestamp LIMIT 1") }
  ($now, $now - 7 * 86400);
my $minute = "event_timestamp >= to_timestamp($now) AND event_timestamp < to_timestamp($now + 60)";

$node->query('CREATE ROLE nurse LOGIN; GRANT SELECT, UPDATE, DELETE, TRUNCATE ON heartbeat_records TO nurse; GRANT SELECT ON vw_customer_bpm_summary TO nurse');
$node->query("CREATE SCHEMA nurse AUTHORIZATION nurse; CREATE FUNCTION nurse.ge(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS
	\$\$BEGIN RAISE EXCEPTION 'an operator of a nurse''s ran as %', current_user; END\$\$; ALTER FUNCTION nurse.ge(timestamptz, timestamptz) OWNER TO nurse;
	CREATE OPERATOR nurse.>= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = nurse.ge); GRANT nurse TO CURRENT_USER");

my @changes = (
	[ 'DELETE on the parent', "DELETE FROM heartbeat_records WHERE customer_id = 'C1' AND $minute" ],
	[ 'DELETE of a whole minute', "DELETE FROM heartbeat_records WHERE event_timestamp >= to_timestamp($now + 60) AND event_timestamp < to_timestamp($now + 120)" ],
	[ 'DELETE on one table partition', "DELETE FROM $week WHERE customer_id = 'C2' AND $minute" ],
	[ 'DELETE on the default partition', "DELETE FROM heartbeat_records_default WHERE customer_id = 'C1'" ],
	[ 'UPDATE of the rate', "UPDATE heartbeat_records SET heart_rate = 100 WHERE customer_id = 'C3'" ],
	[ 'UPDATE of the rate on one table partition', "UPDATE $week_before SET heart_rate = 101 WHERE customer_id = 'C3'" ],
	[ 'UPDATE of the customer', "UPDATE heartbeat_records SET customer_id = 'moved' WHERE customer_id = 'C4' AND $minute" ],
	[ 'UPDATE of the time', "UPDATE heartbeat_records SET event_timestamp = event_timestamp + interval '150 seconds' WHERE customer_id = 'moved'" ],
	[ 'UPDATE to another week', "UPDATE heartbeat_records SET event_timestamp = event_timestamp - interval '7 days 30 seconds' WHERE customer_id = 'moved'" ],
	[ 'UPDATE to the default partition', "UPDATE heartbeat_records SET event_timestamp = event_timestamp - interval '70 weeks' WHERE customer_id = 'moved'" ],
	[ 'UPDATE to before 1970', "UPDATE heartbeat_records SET event_timestamp = event_timestamp - interval '90 years' WHERE customer_id = 'moved'" ],
	[ 'INSERT ... ON CONFLICT DO UPDATE', "INSERT INTO $week (customer_id, heart_rate, event_timestamp) SELECT customer_id, heart_rate, event_timestamp FROM $week WHERE customer_id = 'C5' ON CONFLICT (customer_id, event_timestamp, device_id) DO UPDATE SET heart_rate = 77" ],
	[ 'a savepoint that is undone', "BEGIN; SAVEPOINT s; DELETE FROM heartbeat_records WHERE customer_id = 'C5' AND $minute; ROLLBACK TO s; DELETE FROM heartbeat_records WHERE customer_id = 'C5' AND $minute; COMMIT" ],
	[ 'a transaction that is undone', "BEGIN; DELETE FROM heartbeat_records; ROLLBACK" ],
	[ 'a prepared transaction', "BEGIN; DELETE FROM heartbeat_records WHERE customer_id = 'C2' AND event_timestamp < to_timestamp($now); PREPARE TRANSACTION 'change'; COMMIT PREPARED 'change'" ],
	[ 'a stricter isolation', "BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE heartbeat_records SET heart_rate = 66 WHERE customer_id = 'C2'; COMMIT" ],
	[ 'a role without a right on the bookkeeping tables', "SET ROLE nurse; SET search_path = nurse, pg_catalog, public; DELETE FROM public.heartbeat_records WHERE customer_id = 'C3'" ],
	[ 'TRUNCATE of one table partition', "TRUNCATE $week_before" ],
	[ 'TRUNCATE of the default partition', 'TRUNCATE heartbeat_records_default' ],
	[ 'TRUNCATE that is undone', 'BEGIN; TRUNCATE heartbeat_records; ROLLBACK' ],
	[ 'TRUNCATE as a role without a right on the bookkeeping tables', 'SET ROLE nurse; SET search_path = nurse, pg_catalog, public; TRUNCATE public.heartbeat_records' ]);
splice @changes, 5, 0, [ 'MERGE', "MERGE INTO heartbeat_records r USING (VALUES ('C5', 90.0)) v (customer_id, rate) ON r.customer_id = v.customer_id
	WHEN MATCHED AND r.heart_rate > 90 THEN DELETE WHEN MATCHED THEN UPDATE SET heart_rate = v.rate" ] if $node->query('SHOW server_version_num') >= 150000;
my $number = 0;
for my $change (@changes)
{
	my ($what, $sql) = @$change;
	my $before = $node->query('SELECT md5(string_agg(r::text, $$ $$ ORDER BY r::text)) FROM heartbeat_records r');
	# each statement runs in a separate transaction, because some statements cannot run together in one transaction
	my ($status, undef, $error) = $node->psql('heartbeat', join ";\n", split /; /, $sql);
	is($error, '', "$what succeeds");
	isnt($node->query('SELECT md5(string_agg(r::text, $$ $$ ORDER BY r::text)) FROM heartbeat_records r'), $before, "$what changes readings") unless $what =~ /undone/;
	# assert_exact() takes about a second, so the test calls assert_exact() only after each fourth change
	$number++ % 4 == 0 ? assert_exact($what) : $node->assert_summary($what);
	if ($what =~ /default partition$/ && $what =~ /TRUNCATE/) { publish($old + 300, 60, 5); publish($now - 7 * 86400 + 300, 60, 5); wait_for_rollup('the minutes of new readings are rolled up'); }
}

# Tests changes while readings arrive.
my $changer = $node->background_psql('heartbeat');
publish($now, 60, 20);
wait_for_rollup('the minutes of twenty customers are rolled up');
$changer->query_safe($_) for 'BEGIN', "DELETE FROM heartbeat_records WHERE customer_id IN ('C7', 'C8')";
publish($now + 120, 60, 20);
$node->assert_summary('a DELETE that has not committed does not change the summary');
wait_for_rollup('other minutes are rolled up before the DELETE commits');
$changer->query_safe('COMMIT');
$changer->quit;
assert_exact('DELETE while readings come');

# When heartbeat itself moves or deletes readings, heartbeat inserts no minute into heartbeat_stale_minutes.
publish($old, 120, 5);
wait_for_rollup('the minutes of old readings are rolled up');
is($node->query("SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old)) > 0, (SELECT count(*) FROM heartbeat_stale_minutes)"), 't|0', 'heartbeat_make_partitions() moves readings without marking a minute');
$node->assert_summary('the summary equals the readings after the move');
is($node->query("BEGIN; SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old)); DELETE FROM heartbeat_records WHERE event_timestamp < to_timestamp($old + 60); COMMIT;
	SELECT count(*) FROM heartbeat_stale_minutes") =~ s/.*\n//r, 1, 'a DELETE by a user in the same transaction marks its minute');
assert_exact('DELETE after a move');
is($node->query("SELECT count(*) FROM pg_partition_tree('heartbeat_records') p WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = p.relid AND t.tgname = 'heartbeat_records_changed')
	OR NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = p.relid AND t.tgname = 'heartbeat_records_truncated')"), 0, 'each table partition has both triggers');

# Some changes, such as INSERT by a user or DETACH PARTITION, run no trigger of heartbeat. After these changes
# heartbeat_rebuild_summary() repairs the summary.
publish($now - 7 * 86400, 60, 5);
publish($now + 180, 60, 5);
wait_for_rollup('the minutes of more readings are rolled up');
sub rebuild
{
	my ($what, $from, $to) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	cmp_ok($node->query("SELECT heartbeat_rebuild_summary($from, $to)"), '>', 0, "$what: heartbeat_rebuild_summary() rebuilds minutes");
	return assert_exact($what);
}
my $hour = "to_timestamp($now - 3600), to_timestamp($now + 3600)";
$node->query("SET session_replication_role = replica; DELETE FROM heartbeat_records WHERE customer_id = 'C9'");
rebuild('a session that runs no triggers', split / *, (?=to_)/, $hour);
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('by hand', 70, to_timestamp($now)), ('C1', 71, to_timestamp($now + 5))");
rebuild('INSERT', split / *, (?=to_)/, $hour);
my ($bounds) = $node->query("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = '$week_before'::regclass");
$node->query("ALTER TABLE heartbeat_records DETACH PARTITION $week_before");
rebuild('DETACH', "'-infinity'", "'infinity'");
$node->query("ALTER TABLE heartbeat_records ATTACH PARTITION $week_before $bounds");
rebuild('ATTACH', "'-infinity'", "'infinity'");
$node->query("DELETE FROM $week_before WHERE customer_id = 'C1'");
assert_exact('DELETE on a table partition that was attached');
$node->query("DROP TABLE $week_before");
rebuild('DROP of a table partition', "'-infinity'", "'infinity'");
like($node->query_error('SELECT heartbeat_rebuild_summary(now(), now())'), qr/cannot rebuild the summary from .* to .*\n.*HINT:  Give two times/s, 'heartbeat_rebuild_summary() refuses two equal times');
like($node->query_error('SELECT heartbeat_rebuild_summary(NULL, now())'), qr/cannot rebuild the summary from NULL/, 'heartbeat_rebuild_summary() refuses NULL');
like($node->query_error("SET ROLE nurse; SELECT heartbeat_rebuild_summary(now() - interval '1 hour', now())"), qr/permission denied/, 'heartbeat_rebuild_summary() refuses a role without the right');
like($node->query("SELECT details FROM heartbeat_events WHERE kind = 'rebuild' ORDER BY id DESC LIMIT 1"), qr/"minutes": \d+/, 'heartbeat_events records the number of rebuilt minutes');

# A detached table partition does not prevent DROP EXTENSION.
assert_exact('at the end');
$node->query("ALTER TABLE heartbeat_records DETACH PARTITION $week; ALTER TABLE $week ALTER id DROP DEFAULT");
is($node->query_error('DROP EXTENSION heartbeat'), '', 'DROP EXTENSION succeeds with a detached table partition');
is($node->query("SELECT count(*) FROM pg_trigger WHERE tgrelid = '$week'::regclass"), 0, 'DROP EXTENSION drops the triggers of a detached table partition');
is($node->query_error("DELETE FROM $week"), '', 'readings can be deleted from the detached table partition');
$node->assert_no_crash;
$kafka->stop;
done_testing();
