# A role with few rights has left objects that affect other roles. Such objects are rules, a publication, views of a table
# partition, triggers that change settings, and foreign keys of tables that have triggers. The extension also gets another
# owner. The role's code never runs with more rights than the role has, no session keeps settings that a trigger has changed,
# and heartbeat can always continue.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;
use Heartbeat::Spy;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('left');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('left', kafka => $kafka);

# A session calls heartbeat_make_partitions(), which must wait for a lock. During the wait, the extension gets another owner. This
# new owner must own the new table partitions.
$node->query('CREATE ROLE heartbeat_owner');
my $giver = $node->background_psql('heartbeat');
$giver->query_safe($_) for 'BEGIN', "SELECT heartbeat_set_owner('heartbeat_owner')";
my $maker = $node->background_psql('heartbeat');
$maker->query_until(qr/begun/, "\\echo begun\nSELECT heartbeat_make_partitions(now() - interval '30 weeks', now() - interval '30 weeks');\n");
$node->wait_for_query("SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.query LIKE 'SELECT heartbeat_make_partitions%'",
	't', 'a session waits to make table partitions');
$giver->query_safe('COMMIT');
$giver->quit;
is($maker->query_safe('SELECT 1'), "3\n1", 'the session makes table partitions when the owner has changed');
$maker->quit;
is($node->query("SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
	WHERE c.relname LIKE 'heartbeat%' AND c.relkind = 'r' AND c.relowner <> 'heartbeat_owner'::regrole"), '', 'the new owner owns all table partitions');

for my $role (qw(heartbeat_reader heartbeat_operator heartbeat_worker))
{
	$node->query($_) for grep { /\S/ } split /;\n/, grants_of($role);
}
my $spy = Heartbeat::Spy->new($node, 'mallory', qw(heartbeat_owner heartbeat_worker));
$node->query('CREATE ROLE stranger LOGIN');
my $published = 0;
my $now       = int(time);
sub publish
{
	my (@messages) = @_;
	@messages = reading("N$published", 70, reading_time($now - 1800 + $published)) if !@messages;
	$kafka->produce($topic, map { { value => $_ } } @messages);
	$published += @messages;
	return $node->wait_for_offsets($topic, $published);
}
sub retain { return $node->query_error("SET ROLE heartbeat_operator; SELECT heartbeat_apply_retention()"); }
publish('garbage', 'more garbage', reading('O', 70, '2020-01-01T00:00:00Z'));

# When a role deletes rows to which a foreign key refers, the foreign key can change rows of the referring table. These changes
# have the rights of the referring table's owner. But the AFTER triggers of the referring table run later, with the rights of the
# role that deletes.
my $age = "now() - interval '400 days'";
$node->query("UPDATE heartbeat_dead_letters SET arrived_at = $age; INSERT INTO heartbeat_events (kind, happened_at) VALUES ('old', $age)");
$node->query("INSERT INTO heartbeat_alerts (rule, subject, closed_at, detail) VALUES ('old', 'old', $age, '{}')");
$node->query('GRANT REFERENCES ON heartbeat_events, heartbeat_alerts, heartbeat_dead_letters, heartbeat_records_default TO mallory');
my %key = (heartbeat_records_default => [ 'customer_id text, event_timestamp timestamptz, device_id text', 'customer_id, event_timestamp, device_id' ]);
for my $action ('CASCADE', 'SET NULL', 'SET DEFAULT')
{
	for my $table (qw(heartbeat_events heartbeat_alerts heartbeat_dead_letters heartbeat_records_default))
	{
		my ($columns, $names) = @{ $key{$table} // [ 'id bigint', 'id' ] };
		is($spy->act("CREATE TABLE mallory.referring ($columns, FOREIGN KEY ($names) REFERENCES public.$table ON DELETE $action)"), '', "mallory creates a foreign key on $table, $action");
		$node->query("INSERT INTO mallory.referring SELECT $names FROM $table");
		$spy->act('CREATE TRIGGER spy_after AFTER UPDATE OR DELETE ON mallory.referring FOR EACH ROW EXECUTE FUNCTION mallory.run_trigger();'
			. 'CREATE TRIGGER spy_all AFTER UPDATE OR DELETE ON mallory.referring FOR EACH STATEMENT EXECUTE FUNCTION mallory.run_trigger()');
		$spy->forget;
		$node->set('heartbeat.retention' => '300d');
		like(retain(), qr/referring/, 'retention fails, and the error names the foreign key');
		like($node->query_error("SELECT heartbeat_make_partitions('2020-01-01', '2020-01-01')"), qr/referring/, 'a move of rows fails, and the error names the foreign key') if $key{$table};
		$node->set('heartbeat.retention' => 0);
		$spy->assert_only("a foreign key on $table, $action");
		$node->query('DROP TABLE mallory.referring');
	}
}
# While mallory owned each of these tables, mallory created a rule on the table. The rule remains after the table gets its old
# owner back.
for my $table (qw(heartbeat_records_default heartbeat_dead_letters))
{
	$node->query("ALTER TABLE $table OWNER TO mallory; GRANT ALL ON $table TO heartbeat_owner");
	is($spy->act("CREATE RULE spy_rule AS ON DELETE TO public.$table DO ALSO SELECT mallory.note('rule')"), '', "mallory creates a rule on $table");
	$node->set('heartbeat.retention' => '300d');
	like(retain(), qr/mallory.*$table|spy_rule/, 'retention fails, and the error names the rule or its owner');
	$node->query("ALTER TABLE $table OWNER TO heartbeat_owner");
	like(retain(), qr/spy_rule/, 'retention fails with the rule alone');
	$node->set('heartbeat.retention' => 0);
	$spy->assert_only("a rule on $table");
	$node->query("DROP RULE spy_rule ON $table");
}

# To create a view of a table, a role needs no right on the table, but only the right to use the table's schema. While the view
# exists, the table cannot be dropped.
my ($week) = $node->query("SELECT h.inhrelid::regclass FROM pg_inherits h WHERE h.inhparent = 'heartbeat_records'::regclass ORDER BY h.inhrelid::regclass::text LIMIT 1");
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('forget', 70, now() - interval '30 weeks')");
is($node->count($week), 1, 'an old week has a reading');
$node->query("GRANT TRIGGER ON $week TO mallory");
$spy->act("CREATE TRIGGER spy_all BEFORE TRUNCATE ON public.$week FOR EACH STATEMENT EXECUTE FUNCTION mallory.run_trigger()");
my $viewer = $node->background_psql('heartbeat', extra_params => [ '-U', 'stranger' ]);
$viewer->query_safe("CREATE TEMP VIEW mine AS SELECT * FROM public.$week");
$node->set('heartbeat.retention' => '140d');
is(retain(), '', 'retention succeeds although a stranger has a view of an old week') or diag $node->query('SELECT last_error FROM heartbeat_status');
is($node->count($week), 0, 'retention empties this old table partition');
is($node->query("SELECT count(*) FROM pg_inherits WHERE inhrelid = '$week'::regclass"), 0, 'retention detaches this old table partition');
is($node->query("SELECT count(*) FROM heartbeat_records_default") + $node->count('heartbeat_dead_letters'), 0, 'retention deletes all other old rows');
$spy->assert_only('a table partition that retention empties');
$viewer->quit;
$node->set('heartbeat.retention' => 0);

# If a publication contains all tables, the server refuses UPDATE and DELETE on a table without a replica identity.
$node->query('CREATE PUBLICATION everything FOR ALL TABLES');
publish();
$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'pending sums are rolled up with a publication of all tables');
$node->query("INSERT INTO heartbeat_stale_minutes SELECT date_trunc('minute', now()) - interval '1 hour', now() - interval '1 hour'");
$node->query("INSERT INTO heartbeat_gaps (topic, partition, from_offset, to_offset, reason, recorded_at) VALUES ('x', 0, 0, 1, 'x', $age)");
$node->query('SELECT heartbeat_wake_workers()');
$node->wait_for_query('SELECT count(*) FROM heartbeat_stale_minutes', 0, 'stale minutes are rolled up with a publication of all tables');
$node->set('heartbeat.retention' => '140d');
is(retain(), '', 'retention succeeds with a publication of all tables');
is($node->count('heartbeat_gaps'), 0, 'retention deletes gaps with a publication of all tables');
$node->set('heartbeat.retention' => 0);
$node->query('DROP PUBLICATION everything');

# A trigger changes settings for the rest of the session.
$node->query('GRANT ALL ON ALL TABLES IN SCHEMA public TO mallory');
my %harm = (default_transaction_read_only => 'on', search_path => 'mallory, public', check_function_bodies => 'off', statement_timeout => '1ms', timezone => 'Asia/Tokyo');
my $set = join ', ', map { "pg_catalog.set_config('$_', '$harm{$_}', false)" } sort keys %harm;
$spy->act("CREATE FUNCTION mallory.harm() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM $set; RETURN NEW; END \$\$");
is($spy->act("CREATE TRIGGER spy_harm BEFORE INSERT ON public.heartbeat_records FOR EACH ROW EXECUTE FUNCTION mallory.harm();"
	. "CREATE TRIGGER spy_harm BEFORE UPDATE ON public.heartbeat_dead_letters FOR EACH ROW EXECUTE FUNCTION mallory.harm()"), '', 'mallory creates triggers that change settings');
publish() for 1 .. 3;
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING with these triggers');
publish('garbage');
for my $call ('heartbeat_retry_dead_letters()', "heartbeat_replay(now() - interval '1 hour', now() + interval '1 hour')")
{
	$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'N%'");
	$node->query("UPDATE heartbeat_dead_letters SET resolved_at = NULL, error_code = 'X'; RESET ALL");
	my $settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('" . join("', '", keys %harm) . "')";
	my @lines = split /\n/, $node->query("$settings; SELECT count(*) FROM $call; SELECT pg_catalog.set_config('statement_timeout', '0', false); $settings");
	is($lines[-1], $lines[0], "a superuser's settings are the same after $call");
}
is($node->query("SELECT count(*) > 0 FROM heartbeat_records WHERE customer_id LIKE 'N%'"), 't', 'the replay has stored readings');
$node->query('DROP TRIGGER spy_harm ON heartbeat_records; DROP TRIGGER spy_harm ON heartbeat_dead_letters');
publish();
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING when the triggers are dropped');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit shows no difference');
$node->assert_no_crash;
$kafka->stop;
done_testing();
