# Tests ALTER EXTENSION UPDATE while the tables are distributed, and the restore of a dump of distributed tables.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Citus;
use Heartbeat::Cluster;
use Heartbeat::Definition;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('citus_update');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $fresh = Heartbeat::Cluster->create('fresh', settings => { 'heartbeat.database' => '' });
my ($node, $first) = citus_create('updated', nodes => 1, kafka => $kafka, version => '1.1');

# Counts the dependencies between functions of the extension. While the tables are distributed, this number must be 0. Citus
# would follow the dependencies from the tables to these functions and to the extension, and create the extension on its nodes.
my $calls = q(SELECT count(*) FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_proc'::regclass AND d.objid IN (
	SELECT m.objid FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid WHERE m.classid = 'pg_proc'::regclass AND m.deptype = 'e' AND e.extname = 'heartbeat'));

sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$feed->publish(3_000);
	$feed->assert_stored($node, "readings are stored $what");
	is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, "the counters equal the rows in the tables $what");
	$node->assert_summary("the summary is exact $what");
	return;
}

$feed->publish(3_000);
$feed->assert_stored($node, 'readings are stored in version 1.1');
citus_distribute($node, 4);
assert_exact('in version 1.1 with distributed tables');
like($node->query_error('ALTER EXTENSION heartbeat UPDATE'), qr/Citus would also update the extension "heartbeat" on its nodes/, 'an update that Citus would repeat on the nodes is refused');
$node->query('SET citus.enable_ddl_propagation = off; ALTER EXTENSION heartbeat UPDATE');
$node->wait_for_state('RUNNING');
is($node->query($calls), 0, 'after the update no function of the extension depends on another function of it');
assert_exact('after the update with distributed tables');
my $device = "INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp, device_id) SELECT customer_id, 71, event_timestamp, 'second' FROM (SELECT * FROM heartbeat_records ORDER BY event_timestamp DESC LIMIT 1) r";
like($node->query_error($device), qr/duplicate key/, 'a distributed table partition of the old version allows a customer only one reading for each time');
cmp_ok($node->query('SELECT count(*) FROM heartbeat_upgrade_keys()'), '>', 0, 'heartbeat_upgrade_keys() upgrades distributed table partitions');
$node->query($device);
$node->query("DELETE FROM heartbeat_records WHERE device_id = 'second'");
assert_exact('after the upgrade of the keys');
is($first->query("SELECT count(*) FROM pg_extension WHERE extname = 'heartbeat'"), 0, 'the update does not create the extension on the node');
cmp_ok($node->query("SELECT heartbeat_make_partitions(now() + interval '1 year', now() + interval '1 year')"), '==', 3, 'table partitions are made after the update');
my $second = citus_create_node('second');
citus_join($node, $second);
is($second->query("SELECT count(*) FROM pg_class WHERE relname = 'heartbeat_records'"), 1, 'a new node gets the tables');
is($second->query("SELECT count(*) FROM pg_extension WHERE extname = 'heartbeat'"), 0, 'a new node does not get the extension');

# The test restores a dump as docs/scale-out.md describes.
$node->query("SELECT heartbeat_pause('dump')");
my $readings = q(SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT customer_id, heart_rate, event_timestamp, ingested_at FROM heartbeat_records) t);
my $rows     = $node->query($readings);
my $dump     = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('heartbeat') ], 'pg_dump dumps distributed tables');
$fresh->safe_psql('postgres', 'CREATE DATABASE restored');
my $said;    # the restore reports errors, because some tables exist already and the extension citus is missing
$fresh->psql('restored', slurp_file($dump), on_error_stop => 0, stderr => \$said);
is($fresh->safe_psql('restored', $readings), $rows, 'the restored database has all readings');
is($fresh->safe_psql('restored', 'SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'the counters of the restored database equal its tables');
$node->query('SELECT heartbeat_resume()');

$node->query('SELECT heartbeat_undistribute()');
is($node->query($calls), $fresh->query($calls), 'heartbeat_undistribute() records the dependencies of the functions again');
is_deeply(definition($node)->{$_}, definition($fresh)->{$_}, "after heartbeat_undistribute() the $_ are those of a new installation") for qw(members functions calls views);
assert_exact('after heartbeat_undistribute()');
$_->assert_no_crash for $node, $first, $second, $fresh;
$kafka->stop;
done_testing();
