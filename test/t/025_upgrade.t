# Tests upgrades by pg_upgrade, with copied files and with linked files. Also tests updates by ALTER EXTENSION UPDATE, and
# single-user mode. An upgrade does not change the tables, offsets and table partitions, and no process of heartbeat runs during
# an upgrade. After the upgrade the workers continue, and store each reading exactly once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('upgrade');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 3);


sub reads_everything
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$feed->assert_stored($node, $what);
	is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'no reading counts as a duplicate');
	is( $node->query('SELECT count(*) - count(DISTINCT id) FROM (SELECT id FROM heartbeat_records) r'),
		0, 'new rows get new ids after the upgrade');
	return;
}

# Returns all objects of the extension, and their contents.
sub contents
{
	my ($node) = @_;
	my @queries = (
		q(SELECT pg_describe_object(classid, objid, 0) AS member FROM pg_depend WHERE deptype = 'e' AND refobjid =
		  (SELECT oid FROM pg_extension WHERE extname = 'heartbeat') ORDER BY pg_describe_object(classid, objid, 0) COLLATE "C"),
		q(SELECT unnest(extconfig)::regclass, unnest(extcondition) FROM pg_extension WHERE extname = 'heartbeat'),
		q(SELECT inhparent::regclass, inhrelid::regclass, pg_get_expr(relpartbound, inhrelid) FROM pg_inherits
		  JOIN pg_class c ON c.oid = inhrelid ORDER BY inhrelid::regclass::text),
		q(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text ~ '^heartbeat' ORDER BY 1),
		q(SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text ~ '^heartbeat' ORDER BY 1, 2),
		q(SELECT relname, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) FROM pg_class
		  WHERE relname ~ '^(heartbeat|vw_)' AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1),
		q(SELECT oid::regprocedure, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc WHERE proname ~ '^heartbeat'
		  ORDER BY oid::regprocedure::text),
		q(SELECT last_value FROM heartbeat_records_id_seq),
		# only marks whose time is infinity: the rollup can delete all other marks while the test runs
		q(SELECT minute_bucket FROM heartbeat_stale_minutes WHERE marked_at = 'infinity'),
		q(SELECT md5(string_agg(c.customer_id, ' ' ORDER BY c.customer_id)) FROM
		  (SELECT customer_id FROM heartbeat_customers UNION SELECT customer_id FROM heartbeat_rollup_pending) c),
		q(SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'),
		map { "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $_ t" }
		  qw(heartbeat_records heartbeat_anomalies heartbeat_offsets heartbeat_dead_letters heartbeat_gaps heartbeat_control heartbeat_alert_rules
		  heartbeat_alerts vw_customer_bpm_summary heartbeat_audit()));
	return [ map { $node->query($_) } @queries ];
}

$feed->publish(6_000);
my $old = Heartbeat::Cluster->create('old', kafka => $kafka);
$kafka->produce('heartbeat-events', map { { partition => 2, value => "no reading $_" } } 1 .. 5);
$old->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold) VALUES ('garbage', 'dead_letters', 4)");
$old->wait_for_query('SELECT count(*) FROM heartbeat_alerts', 1, 'an alert is open before the upgrade');
$kafka->produce('heartbeat-events', { partition => 0, value => reading('CUST-0001', 70, '1971-01-01T00:00:00.000000Z') });
$feed->add({ value => reading('CUST-0001', 70, '1971-01-01T00:00:00.000000Z') });
reads_everything($old, 'the old server stores the first messages');

$old->assert_summary('the old server has an exact summary');

# An update to the installed version changes nothing, even while the workers run.
my $before = contents($old);
$old->query('ALTER EXTENSION heartbeat UPDATE');
is_deeply(contents($old), $before, 'ALTER EXTENSION UPDATE to the same version changes nothing');
$old->wait_for_state('RUNNING');

# The server crashes while readings arrive, recovers, and starts its workers.
$feed->publish(3_000);
$old->stop('immediate');
$old->start;
reads_everything($old, 'the workers continue after a crash recovery');
$old->query('SELECT heartbeat_pause($$an upgrade$$)');
$old->stop;

# In single-user mode no workers run, but a user can call heartbeat's functions.
my $input = "SELECT state, reason FROM heartbeat_status\nSELECT heartbeat_resume()\n";
my $output;
ok( IPC::Run::run([ $old->installed_command('postgres'), '--single', '-D', $old->data_dir, 'heartbeat' ], '<', \$input, '>', \$output, '2>&1'),
	'single-user mode works');
like($output, qr/state = "STOPPED"/, 'heartbeat_status says STOPPED in single-user mode');

# pg_upgrade starts the server with -b. In a server with -b the library does not register its launcher.
my $log = $old->log_position;
for my $mode ('-b', '')
{
	my @pg_ctl = ('pg_ctl', '-w', '-D', $old->data_dir, '-l', $old->logfile);
	command_ok([ @pg_ctl, '-o', "$mode -c log_min_messages=debug1", 'start' ], "the server starts $mode");
	is($old->log_matches('registering background worker "heartbeat launcher"', $log),
		$mode eq '-b' ? 0 : 1, $mode eq '-b' ? 'without heartbeat' : 'with heartbeat');
	command_ok([ @pg_ctl, 'stop' ], 'the server stops');
}

for my $name ('copied', 'linked')
{
	my @mode = $name eq 'linked' ? '--link' : ();
	my $new  = Heartbeat::Cluster->create($name, kafka => $kafka, start => 0);
	$old->start;
	reads_everything($old, 'the old server has every reading before pg_upgrade');
	$old->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'the rollup contains the sums of the old server');
	cmp_ok($old->count('heartbeat_rollup'), '>', 0, 'heartbeat_rollup has rows before pg_upgrade');
	$old->query("INSERT INTO heartbeat_rollup_pending VALUES ('2026-02-03', 'pending $name', 71, 1)");
	$old->query("INSERT INTO heartbeat_stale_minutes VALUES ('1971-01-02', 'infinity')");
	$before = contents($old);
	$old->stop;
	my $files = PostgreSQL::Test::Utils::tempdir("upgrade_$name");
	chomp(my $bin = qx(pg_config --bindir));
	chdir $files or die "$files: $!";
	command_ok(
		[
			'pg_upgrade', '--no-sync', @mode, '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
			'-s', $new->host, '-p', $old->port, '-P', $new->port
		],
		"pg_upgrade, $name files");
	chdir $FindBin::RealBin or die "chdir: $!";
	$new->append_conf('postgresql.conf', "heartbeat.brokers = ''");
	$new->start;
	is_deeply(contents($new), $before, 'the upgraded server has the same objects and contents');
	$feed->publish(300);
	$new->set('heartbeat.brokers' => $kafka->brokers);
	reads_everything($new, 'the workers of the upgraded server store the next messages');
	$new->query("SELECT heartbeat_make_partitions('2026-01-01', '2026-01-01')");
	reads_everything($new, 'the upgraded server makes table partitions');
	command_ok([ 'pg_dump', '-h', $new->host, '-p', $new->port, '-d', 'heartbeat', '-f', "$files/dump" ], 'pg_dump of the upgraded server succeeds');
	like(slurp_file("$files/dump"), qr/COPY public\.heartbeat_offsets/, 'the dump contains the stored offsets');
	$new->assert_no_crash;
	$new->stop;
}
$old->assert_no_crash;

done_testing();
