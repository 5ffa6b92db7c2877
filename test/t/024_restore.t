# Tests backups: recovery to a point in time, a cold copy, every kind of pg_dump, and a copied database. The stored offsets are
# part of the data, so the workers of a restored database continue at its stored offsets. The workers do not use a database
# while a restore is running.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('restore');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 3);

my $stored = 'SELECT coalesce(sum(records + anomalies), 0) FROM heartbeat_offsets';

sub reads_everything
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$feed->assert_stored($node, $what);
	is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'no reading counts as a duplicate');
	$node->assert_summary('the summary includes these readings');
	return;
}

# For each kind of data, a query. A restored database must return the same results as the original database.
my %carried = (
	'dead letters' => 'SELECT id, topic, partition, "offset", payload, error_code FROM heartbeat_dead_letters ORDER BY id',
	'gaps'         => 'SELECT topic, partition, from_offset, to_offset, reason, recorded_at FROM heartbeat_gaps',
	'alert rules'  => 'SELECT name, kind, threshold, enabled FROM heartbeat_alert_rules',
	'alerts'       => 'SELECT id, rule, subject, raised_at, closed_at, detail FROM heartbeat_alerts',
	'customers'    => 'SELECT value FROM vw_pipeline_summary WHERE metric = \'customers\'',
	'partitions'   => 'SELECT inhparent::regclass, count(*) FROM pg_inherits GROUP BY 1 ORDER BY inhparent::regclass::text',
	'keys'         => 'SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indrelid
	                   WHERE relname ~ \'^heartbeat\' ORDER BY indexrelid::regclass::text',
	'the comments' => 'SELECT obj_description(c.oid, \'pg_class\') FROM pg_class c WHERE relname = \'heartbeat_records_default\'');

sub carried { my ($node) = @_; return { map { $_ => $node->query($carried{$_}) } keys %carried }; }

$feed->publish(9_000);
my $main = Heartbeat::Cluster->create('main', kafka => $kafka, archiving => 1, streaming => 1);
reads_everything($main, 'the original stores the first messages');
$kafka->produce('heartbeat-events', map { { partition => 2, value => "no reading $_" } } 1 .. 5);
$main->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold) VALUES ('garbage', 'dead_letters', 3)");
$main->wait_for_query('SELECT count(*) FROM heartbeat_alerts', 1, 'an alert is open before the backups');
$main->query('SELECT heartbeat_pause()');
$kafka->produce('heartbeat-events', map { { partition => 1, value => "passed over $_" } } 1 .. 3);
$main->query('SELECT heartbeat_seek(1, 3003)');
$main->query('SELECT heartbeat_resume()');
$main->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));

# Tests recovery to a point in time. The restored server reads the later messages again from Kafka, while the original server
# continues.
$main->backup('base');
$feed->publish(600);
reads_everything($main, 'the original continues after a base backup');
$main->query(q{SELECT pg_create_restore_point('noon')});
$feed->publish(900);
reads_everything($main, 'the original continues after the restore point');
$main->query('SELECT pg_switch_wal()');
my $restored = Heartbeat::Cluster->create_from_backup(
	'restored', $main, 'base', has_restoring => 1, standby => 0,
	settings => { 'archive_mode' => 'off', 'recovery_target_name' => 'noon', 'recovery_target_action' => 'promote' });
reads_everything($restored, 'a server restored to a point in time reads the later messages again');
ok($restored->log_matches('recovery stopping at restore point "noon"'), 'recovery stopped at the restore point');
is( $restored->query('SELECT count(*) FROM (SELECT FROM heartbeat_records WHERE ingested_at > pg_postmaster_start_time()
		UNION ALL SELECT FROM heartbeat_anomalies WHERE ingested_at > pg_postmaster_start_time()) r'),
	900, 'the restored server stores again only the messages after the restore point');
$feed->publish(300);
reads_everything($_, $_->name . ' continues while the other server runs') for $main, $restored;
is_deeply(carried($restored), carried($main), 'the restored server has the dead letters, gaps, alerts and customers of the original');
$restored->assert_no_crash;
$restored->stop;

# Tests a cold copy of the files.
$main->stop;
$main->backup_fs_cold('cold');
$main->start;
my $copy = Heartbeat::Cluster->create_from_backup('copy', $main, 'cold', settings => { 'archive_mode' => 'off' });
$feed->publish(300);
reads_everything($copy, 'a cold copy continues at its stored offsets');
$copy->assert_no_crash;
$copy->stop;

# Tests dumps that are taken while readings are being stored, and restored while the workers of the new server wait for the
# extension.
my $new = Heartbeat::Cluster->create('new', kafka => $kafka, extension => 0, settings => { 'heartbeat.workers' => 2 });
my $folder = PostgreSQL::Test::Utils::tempdir('dumps');

sub serve
{
	my ($database) = @_;
	$new->set('heartbeat.database' => $database);
	$new->restart;
	$new->{heartbeat_database} = $database;
	return;
}

sub run_tool
{
	my ($node, $database, $tool, @arguments) = @_;
	my ($output, $error);
	my $ended = IPC::Run::run([ $tool, '-h', $node->host, '-p', $node->port, '-d', $database, @arguments ],
		'<', \undef, '>', \$output, '2>', \$error);
	return $ended ? '' : "failed: $error";
}

sub dump_while_storing
{
	my ($node, $file, @options) = @_;
	my $before = $feed->count;
	$feed->publish(3_000);
	$node->set('heartbeat.batch_size' => 10);
	$node->wait_for_query("SELECT ($stored) > $before", 't', 'the worker stores readings during the dump');
	is(run_tool($node, $node->{heartbeat_database}, 'pg_dump', '-f', "$folder/$file", @options), '', "pg_dump @options");
	$node->set('heartbeat.batch_size' => 20_000);
	return;
}

# Calls $restore, which restores a dump into $database. If the workers of the new server use another database, the function
# first creates $database, and waits until the workers wait there for the extension. After the restore the function compares the
# contents of $database with $expected.
sub restores
{
	my ($database, $expected, $reason, $restore) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $log = $new->log_position;
	if ($new->{heartbeat_database} ne $database)
	{
		$new->safe_psql('postgres', "CREATE DATABASE $database");
		serve($database);
		$new->wait_for_log(qr/STOPPED: extension "heartbeat" is not in this database/, $log);
		$log = $new->log_position;
	}
	$restore->($database);
	$new->wait_for_state('PAUSED', $reason, 'the workers wait for heartbeat_resume() after a restore');
	unlike(slurp_file($new->logfile, $log), qr/heartbeat: RUNNING|ERROR/, 'no worker is RUNNING during the restore, and the log has no error');
	$feed->publish(300);
	$new->query('SELECT heartbeat_resume()');
	reads_everything($new, 'the workers read the messages that the dump does not contain');
	is_deeply(carried($new), $expected, 'the restored database has the dead letters, gaps, alerts and customers of the dump');
	is( $new->query('SELECT count(*) - count(DISTINCT id) FROM heartbeat_records') . ' '
		  . $new->query('SELECT count(*) - count(DISTINCT id) FROM heartbeat_anomalies'),
		'0 0', 'new rows get new ids after a restore');
	$new->wait_for_state('RUNNING');
	return;
}

sub tool_runs
{
	my ($database, $tool, @arguments) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(run_tool($new, $database, $tool, @arguments), '', "$tool @arguments[0 .. $#arguments - 1]");
	return;
}

dump_while_storing($main, 'plain.sql');
dump_while_storing($main, 'custom', '-Fc');
reads_everything($main, 'the original continues after its dumps');
my $restored_from = 'restored from a dump';
restores('plain', carried($main), $restored_from,
	sub { tool_runs(@_, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain.sql") });
restores('custom', carried($main), $restored_from, sub { tool_runs(@_, 'pg_restore', '-j', 2, "$folder/custom") });
restores('custom', carried($main), $restored_from,
	sub { tool_runs(@_, 'pg_restore', '--clean', '--if-exists', "$folder/custom") });

# If a database already has the extension and readings, pg_restore into this database reports an error.
$new->safe_psql('postgres', 'CREATE DATABASE occupied');
serve('occupied');
$new->query('CREATE EXTENSION heartbeat');
reads_everything($new, 'the workers start at once after CREATE EXTENSION by hand');
like(run_tool($new, 'occupied', 'pg_restore', "$folder/custom"), qr/^failed:.*COPY failed for table "heartbeat_offsets"/s,
	'pg_restore into a database that already has readings fails, and names the table');

# The extension has its own schema, and pg_dump takes a dump while ingest is paused. pg_restore restores the dump section by
# section.
$new->query('DROP DATABASE custom');
$new->query('CREATE SCHEMA hb');
$new->query('DROP EXTENSION heartbeat CASCADE');
$new->query('ALTER DATABASE occupied SET search_path = hb');
$new->query('CREATE EXTENSION heartbeat SCHEMA hb');
reads_everything($new, 'the workers store readings when the extension has its own schema');
$new->query('SELECT heartbeat_pause($$disk is being replaced$$)');
my $expected = carried($new);
is(run_tool($new, 'occupied', 'pg_dump', '-Fc', '--schema=hb', '--extension=heartbeat', '-f', "$folder/schema"), '', 'pg_dump --schema');
restores('sections', $expected, "$restored_from.*; disk is being replaced",
	sub {
		tool_runs(@_, 'pg_restore', "--section=$_", "$folder/schema") for qw(pre-data data post-data);
		$new->query('ALTER DATABASE sections SET search_path = hb');
	});

# CREATE DATABASE copies the database `plain` while no session is connected to `plain`. The copy has the stored offsets too.
serve('copied');
$new->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE plain');
$feed->publish(300);
reads_everything($new, 'a copied database continues at its stored offsets');
$_->assert_no_crash for $main, $new;

done_testing();
