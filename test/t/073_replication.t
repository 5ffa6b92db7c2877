# Tests logical replication of the readings, as docs/replication.md describes. The test runs the blocks of the document. The
# publisher stores late readings, moves readings to new table partitions, applies retention, replays messages and retries dead
# letters, and a user changes readings. Subscribers with and without the extension then have the same rows as the publisher, and
# no subscription stops.

use strict;
use warnings;

use Carp;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('replication');
$kafka->start;
$kafka->create_topic($topic, 2);

# Reads the settings for postgresql.conf from the document.
my $document = 'docs/replication.md';
my %settings = slurp_file("$FindBin::RealBin/../../$document") =~ /^ {7}(wal_level|max_slot_wal_keep_size) = '?([^'\n]+)'?$/mg;
is($settings{wal_level}, 'logical', 'the document has the setting wal_level');
my $publisher = Heartbeat::Cluster->create('publisher', kafka => $kafka, owner => 'heartbeat_owner', streaming => 1,
	settings => { %settings, max_wal_senders => 20, max_replication_slots => 20 });
my $server = Heartbeat::Cluster->create('subscribers', extension => 0, streaming => 1,
	settings => { shared_preload_libraries => '', max_logical_replication_workers => 16, max_replication_slots => 40, max_sync_workers_per_subscription => 4 });
$server->safe_psql('postgres', "CREATE DATABASE $_") for qw(warehouse archive late everything leaves);
my $connection = $publisher->connstr . ' dbname=heartbeat user=heartbeat_subscriber';
my $runbook = Heartbeat::Runbook->new($publisher, $document);
my %at = map { $_ => $runbook->on($server, $_, publisher => $connection) } qw(heartbeat warehouse archive late everything leaves);

my $week  = 7 * 86400;
my $now   = int(time);
my @bookkeeping = qw(vw_customer_bpm_summary heartbeat_gaps heartbeat_rollup heartbeat_rollup_pending heartbeat_stale_minutes heartbeat_customers heartbeat_customers_total);
my @plain = qw(heartbeat_records heartbeat_anomalies heartbeat_dead_letters heartbeat_offsets);
my %published = (
	heartbeat  => [ @plain, @bookkeeping ],
	late       => [ @plain, @bookkeeping ],
	warehouse  => [@plain],
	everything => [ @plain, @bookkeeping, qw(heartbeat_control heartbeat_events) ]);
my @subscribers = qw(heartbeat warehouse);

sub publish
{
	$kafka->produce($topic, @_);
	$publisher->wait_for_offsets($topic, $kafka->end_offsets($topic));
	return;
}

# Returns readings whose event times are the given number of weeks before now.
my $stream = 0;
sub readings { my ($weeks) = @_; return reading_stream(300, 2, start => $now - int($weeks * $week) - ++$stream); }

# Returns the number and a checksum of the rows of each table.
sub rows
{
	my ($node, $database, @tables) = @_;
	my $answer;
	$node->psql($database, join(' UNION ALL ',
		map { "SELECT '$_ ' || count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM $_ t" } @tables) . ' ORDER BY 1',
		stdout => \$answer);
	return $answer // '';
}

sub same
{
	my ($what, @databases) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $good = 1;
	for my $database (@databases ? @databases : @subscribers)
	{
		my ($deadline, $here, $there) = (time + 40, '', '-');
		until ($here eq $there || time > $deadline)
		{
			usleep(20_000) if $here ne '';
			($here, $there) = (rows($publisher, 'heartbeat', @{ $published{$database} }), rows($server, $database, @{ $published{$database} }));
		}
		$good = is($there, $here, "$what: $database has the rows of the publisher") && $good;
	}
	return 1 if $good;
	diag grep { /ERROR|CONTEXT/ } (split /^/, slurp_file($server->logfile))[ -20 .. -1 ];
	croak 'the following comparisons would fail too';
}

sub never_stopped
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @errors = grep { /ERROR:|FATAL:/ && !/terminating|could not (?:connect|receive)|starting up|shutting down/ } split /^/, slurp_file($server->logfile);
	return is("@errors", '', $what);
}

sub copied { my ($database) = @_; return $server->poll_query_until($database, "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate <> 'r'"); }

sub fold
{
	$publisher->query('SELECT heartbeat_wake_workers()');
	return $publisher->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'all pending sums are rolled up');
}

# The publisher has stored readings before the test sets up replication. Some readings are of this week, and some are of an old
# week without a table partition.
publish(readings(0), readings(60), { partition => 0, value => 'no reading' });
$runbook->run('Prepare the publisher', $_) for 1, 2;
$at{heartbeat}->run('A subscriber with the extension', $_) for 1 .. 3;
$at{warehouse}->run('A subscriber without the extension', $_) for 1, 2;
$at{archive}->run('A subscriber without the extension', 1);
$at{archive}->run('An archive', 1);
$server->safe_psql('archive', "CREATE SUBSCRIPTION heartbeat_archive CONNECTION '$connection' PUBLICATION heartbeat_readings");
copied($_) for qw(heartbeat warehouse archive);
is($at{heartbeat}->run('A subscriber with the extension', 4), '', 'the rows that existed before are copied');
same('rows that existed before');
like($server->query("SELECT string_agg(DISTINCT tableoid::regclass::text, ' ') FROM heartbeat_records"), qr/heartbeat_records_\d+w\d+.*heartbeat_records_default|heartbeat_records_default.*heartbeat_records_\d+w\d+/,
	'the subscriber has the copied readings in the table partition of their week and in the default partition');

$runbook->run('Consumers of changes', 1);
publish(readings(0), readings(60), readings(58), readings(30));
same('new and late readings');
$server->assert_summary('the summary of the subscriber is exact before the pending sums are rolled up');
fold();
same('after the rollup of pending sums');
$server->assert_summary('the summary of the subscriber is exact after the pending sums are rolled up');

# When heartbeat_make_partitions() creates the table partitions of a week, it moves the readings, anomalies and rollup rows of
# this week out of the default partitions.
my $moved = "to_timestamp($now - 60 * $week)";
# A user's trigger must not fire for moved readings: the trigger would run with the rights of the extension's owner.
$publisher->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''fired as %'', current_user; END';
	CREATE TRIGGER refuse AFTER INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION refuse()});
is($publisher->query("SELECT heartbeat_make_partitions($moved, $moved)"), 3, 'three table partitions are made for the week of the old readings');
cmp_ok($publisher->query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < $moved + interval '1 week' AND tableoid <> 'heartbeat_records_default'::regclass"),
	'>', 500, 'the old readings are moved to their table partition');
like($publisher->query_error("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('x', 70, $moved)"), qr/fired as/, 'no trigger runs for the moved readings, and all triggers are enabled afterwards');
$publisher->query('DROP FUNCTION refuse() CASCADE');
same('readings moved to their week');
my @changes = map { /^table public\.(heartbeat_\w+): (\w+):/ ? "$1 $2" : /^(BEGIN|COMMIT)/ ? $1 : () } split /\n/, $runbook->run('Consumers of changes', 2);
my ($move) = grep { /records_default DELETE/ } split /BEGIN/, join "\n", @changes;
my $tables = 'records|anomalies|rollup';
like($move, qr/^\s*(?:heartbeat_(?:$tables)_default DELETE\n)+(?:heartbeat_(?:$tables)_\d+w\d+ INSERT\n)+COMMIT\s*$/,
	'a move is one transaction: first the deletes, then the inserts, and nothing else');
$runbook->run('Consumers of changes', 3);

# The publisher has moved the readings of a week to a table partition. The subscriber creates the table partition of this week
# later, and then also moves its readings. Changes on the publisher must still reach these readings.
$server->query("SELECT heartbeat_make_partitions($moved, $moved)");
publish(readings(60), readings(58));
$publisher->query("DELETE FROM heartbeat_records WHERE event_timestamp < $moved + interval '1 week' AND customer_id < 'CUST-0010'");
$publisher->query("SELECT heartbeat_make_partitions(to_timestamp($now - 58 * $week), to_timestamp($now - 58 * $week))");
publish(readings(58));
same('table partitions made on both sides');

# Tests changes by a user.
$publisher->query("UPDATE heartbeat_records SET heart_rate = heart_rate + 0.5 WHERE customer_id = 'CUST-0020' AND heart_rate < 179");
$publisher->query("UPDATE heartbeat_records SET event_timestamp = event_timestamp - interval '3 weeks' WHERE customer_id = 'CUST-0021'");
$publisher->query("UPDATE heartbeat_anomalies SET customer_id = 'moved' WHERE customer_id = 'CUST-0013'");
$publisher->query("DELETE FROM heartbeat_records WHERE customer_id = 'CUST-0022'");
same('an UPDATE and a DELETE by a user');
cmp_ok($publisher->query("SELECT records FROM heartbeat_replay(to_timestamp($now - 3600), now())"), '>', 0, 'a replay restores the deleted readings');
same('a replay');

# Tests dead letters and gaps.
publish(map { { partition => 0, value => $_ } } 'mend me', 'drop me', reading('late', 70, 'never'));
same('dead letters');
my $mended = reading('mended', 70, reading_time($now));
$publisher->query("UPDATE heartbeat_dead_letters SET payload = convert_to('$mended', 'UTF8') WHERE payload = 'mend me'");
$publisher->query('SELECT heartbeat_retry_dead_letters()');
$publisher->query("DELETE FROM heartbeat_dead_letters WHERE payload = 'drop me'");
same('dead letters retried and deleted');
is($server->safe_psql('warehouse', "SELECT count(*) FROM heartbeat_records WHERE customer_id = 'mended'"), 1, 'a corrected dead letter is a reading on the subscriber');
$publisher->query('SELECT heartbeat_pause()');
$kafka->produce($topic, readings(0));
my ($end) = $kafka->end_offsets($topic);
$publisher->query("SELECT heartbeat_seek(0, $end); SELECT heartbeat_resume()");
$publisher->wait_for_offsets($topic, $kafka->end_offsets($topic));
same('a seek that makes a gap');
is($server->query('SELECT count(*) FROM heartbeat_gaps'), 1, 'the subscriber has the gap');

# Two subscribers are added while readings arrive and table partitions are created. One of these subscribers subscribes to all
# tables.
my $generator = "$FindBin::RealBin/../../build/generator/heartbeat-generator";
my $printed   = '';
my $generated = IPC::Run::start([ $generator, '-b', $kafka->brokers, '--topic', $topic, '--customers', 300, '--rate', 3000, '--duration', 600 ],
	'<', \undef, '>', \$printed, '2>&1');
my $before = $publisher->count('heartbeat_records');
$publisher->wait_for_query("SELECT count(*) > $before FROM heartbeat_records", 't', 'readings arrive');
$runbook->run('A publication of all tables', 1);
$server->safe_psql($_, 'CREATE EXTENSION heartbeat') for qw(late everything);
$at{everything}->run('A publication of all tables', 2);
$server->safe_psql('late', "CREATE SUBSCRIPTION heartbeat_late CONNECTION '$connection' PUBLICATION heartbeat");
$server->safe_psql('everything', "CREATE SUBSCRIPTION heartbeat_everything CONNECTION '$connection' PUBLICATION everything");
$kafka->produce($topic, readings(57));
$publisher->wait_for_query("SELECT count(*) > 0 FROM heartbeat_records_default WHERE event_timestamp > to_timestamp($now - 57 * $week - 600)", 't', 'late readings arrive');
eval { $publisher->query("SELECT heartbeat_make_partitions(to_timestamp($now - 57 * $week), to_timestamp($now - 57 * $week))"); 1 } or note $@;
copied($_) for qw(late everything);
push @subscribers, qw(late everything);
$generated->signal('INT');
IPC::Run::finish($generated);
$publisher->wait_for_offsets($topic, $kafka->end_offsets($topic));
my $began = time;
same('a subscriber added while readings arrive');
note sprintf '%.1f s behind a stream of 3000 readings a second', time - $began;
$publisher->query("SELECT heartbeat_make_partitions(to_timestamp($now - 57 * $week), to_timestamp($now - 57 * $week))");
publish(readings(0));
fold();
same('after later readings');

# A subscriber was down for some time.
$server->stop;
publish(readings(0), readings(56));
$publisher->query("SELECT heartbeat_make_partitions(to_timestamp($now - 56 * $week), to_timestamp($now - 56 * $week))");
$publisher->query("DELETE FROM heartbeat_records WHERE customer_id = 'CUST-0023'");
like($runbook->run('Watch it', 1), qr/^heartbeat_copy\|f\|reserved\|\d/m, 'the replication slot of a subscriber that is down holds WAL');
$server->start;
same('after the subscriber was down');
never_stopped('no subscription has stopped');
my $stats = eval { $at{heartbeat}->run('Watch it', 2) } // $@;
like($stats, $server->pg_version >= 15 ? qr/^heartbeat_copy\|t\|\d+\|[^|]+\|0\|0$/m : qr/pg_stat_subscription_stats/, 'the statistics of the subscription show no error');
is($at{warehouse}->run('Watch it', 3), $publisher->query('SELECT source, topic, partition, next_offset, updated_at FROM heartbeat_offsets ORDER BY source, topic, partition'), 'the offsets on the subscriber equal those of the publisher');

# The publisher applies retention, which also deletes readings in a default partition.
publish(readings(54), readings(55));
$publisher->query("SELECT heartbeat_make_partitions(to_timestamp($now - 55 * $week), to_timestamp($now - 55 * $week))");
same('before retention');
$publisher->query('CREATE VIEW depends AS SELECT * FROM heartbeat_records_' . $publisher->query("SELECT to_char($moved, 'IYYY\"w\"IW')"));
$publisher->set('heartbeat.retention' => '365d');
$publisher->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < now() - interval '366 days'", 0, 'the publisher drops old weeks');
$server->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp BETWEEN to_timestamp($now - 54.1 * $week) AND to_timestamp($now - 53.9 * $week)", 0,
	'the subscriber deletes the readings that the publisher deletes from its default partition');
cmp_ok($server->query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < now() - interval '366 days'"), '>', 500, 'the subscriber keeps the weeks that the publisher drops');
$at{heartbeat}->run('Retention', 1);
$server->wait_for_query("SELECT setting FROM pg_file_settings WHERE name = 'heartbeat.retention'", '365d', 'the subscriber has a retention of its own');
like($at{heartbeat}->run('Retention', 2), qr/^\d+\|\d+\|0$/, 'the subscriber applies its own retention');
$at{warehouse}->run('Retention', 3);
$server->safe_psql($_, 'SELECT heartbeat_apply_retention()') for qw(late everything);
pop @{ $published{everything} };    # this database also has an event that the publisher does not have
same('retention on both sides');
never_stopped('retention has stopped no subscription');

# If the publisher deletes readings or drops table partitions, the archive keeps the readings.
my $lost = "SELECT count(*) FROM heartbeat_records WHERE customer_id IN ('CUST-0022', 'CUST-0023')";
is($publisher->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'CUST-0023'"), 0, 'the publisher does not have the deleted readings');
cmp_ok($server->safe_psql('archive', $lost), '>', 0, 'the archive has the deleted readings');
is($server->safe_psql('archive', 'SELECT count(*) - count(DISTINCT (customer_id, event_timestamp)) FROM heartbeat_records'), 0, 'the archive has each reading once');
cmp_ok($server->safe_psql('archive', "SELECT count(*) FROM heartbeat_records WHERE event_timestamp < now() - interval '366 days'"), '>', 1000, 'the archive has the readings that retention dropped and deleted');
is($at{heartbeat}->run('A subscriber with the extension', 5), 0, 'table partitions of the coming weeks exist');

# Tests a publication without publish_via_partition_root: the subscription treats each table partition as a separate table.
$publisher->set('heartbeat.retention' => 0);
$runbook->run('Partitions one by one', 1);
$server->safe_psql('leaves', 'CREATE EXTENSION heartbeat');
$server->safe_psql('leaves', "SELECT heartbeat_make_partitions('$_', '$_')") for split /\n/, $publisher->query(
	"SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM \$\$FROM \\('([^']+)'\$\$) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	 WHERE i.inhparent = 'heartbeat_records'::regclass AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'");
$server->safe_psql('leaves', "CREATE SUBSCRIPTION heartbeat_leaves CONNECTION '$connection' PUBLICATION leaves");
copied('leaves');
$published{leaves} = [qw(heartbeat_records heartbeat_anomalies)];
same('a publication of table partitions', 'leaves');
$at{leaves}->run('Partitions one by one', 2);
my $position = $server->log_position;
publish(reading_stream(300, 2, start => 1_714_557_600), readings(0));    # 2024-05-01
$publisher->query("SELECT heartbeat_make_partitions('2024-05-01', '2024-05-01')");
$server->wait_for_log(qr/logical replication target relation "public.heartbeat_records_2024w18" does not exist/, $position);
$at{leaves}->run('Partitions one by one', 3);
copied('leaves');
same('a table partition that was made for late readings, after a refresh', 'leaves');
same('the other subscribers after this refresh');

# TRUNCATE of a table on the publisher also empties the table on the subscribers.
$publisher->query('TRUNCATE heartbeat_anomalies');
same('TRUNCATE', qw(heartbeat warehouse late));

# Publishes only the rollup.
$at{heartbeat}->run('Many readings a second', 1);
$runbook->run('Many readings a second', 2);
$at{heartbeat}->run('Many readings a second', 3);
publish(readings(0), readings(59));
fold();
$published{heartbeat} = [ grep { $_ ne 'heartbeat_rollup_pending' } @{ $published{heartbeat} } ];
same('a publication of the rollup, after the rollup of pending sums', 'heartbeat');

# The subscriber `warehouse` loses its replication slot: the test lowers max_slot_wal_keep_size for all slots. On a busy machine
# other slots can be lost too, so this part of the test comes last.
$server->safe_psql('warehouse', 'ALTER SUBSCRIPTION heartbeat_warehouse DISABLE');
$publisher->set('max_slot_wal_keep_size' => '1MB');
$publisher->poll_query_until('heartbeat', "SELECT wal_status = 'lost' FROM pg_replication_slots, pg_switch_wal(), (SELECT pg_create_restore_point('more')) r WHERE slot_name = 'heartbeat_warehouse'")
  or fail('the replication slot is lost');
$publisher->set('max_slot_wal_keep_size' => '20GB');
$at{warehouse}->run('Copy it anew', 1);
$runbook->run('Copy it anew', 2);
$at{warehouse}->run('A subscriber without the extension', 2);
copied('warehouse');
same('a subscriber that was copied again', 'warehouse');

$runbook->assert_all_run($runbook->parts);
$_->assert_no_crash for $publisher, $server;
$kafka->stop;
done_testing();
