# pg_upgrade by copy and by link, single-user mode, ALTER EXTENSION UPDATE: the tables, positions and partitions stay what they
# were, no process of heartbeat runs meanwhile, and ingest goes on exactly once.

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
	is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'each once');
	is( $node->query('SELECT count(*) - count(DISTINCT id) FROM (SELECT id FROM heartbeat_records) r'),
		0, 'ids go on where they were');
	return;
}

# All that the extension is made of, and what it holds.
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
		# the rollup goes on meanwhile; a mark of then is never quiet
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
$old->wait_for_query('SELECT count(*) FROM heartbeat_alerts', 1, 'an alert is open');
$kafka->produce('heartbeat-events', { partition => 0, value => reading('CUST-0001', 70, '1971-01-01T00:00:00.000000Z') });
$feed->add({ value => reading('CUST-0001', 70, '1971-01-01T00:00:00.000000Z') });
reads_everything($old, 'the old server has read what there is');

$old->assert_summary('and has its summary');

# An update to the version that is there changes nothing, also while it runs.
my $before = contents($old);
$old->query('ALTER EXTENSION heartbeat UPDATE');
is_deeply(contents($old), $before, 'ALTER EXTENSION UPDATE to the same version changes nothing');
$old->wait_for_state('RUNNING');

# A crash while readings come in, and a start that recovers from it with its workers.
$feed->publish(3_000);
$old->stop('immediate');
$old->start;
reads_everything($old, 'after a crash recovery the workers go on');
$old->query('SELECT heartbeat_pause($$an upgrade$$)');
$old->stop;

# One user, no workers; what is called acts at once.
my $input = "SELECT state, reason FROM heartbeat_status\nSELECT heartbeat_resume()\n";
my $output;
ok( IPC::Run::run([ $old->installed_command('postgres'), '--single', '-D', $old->data_dir, 'heartbeat' ], '<', \$input, '>', \$output, '2>&1'),
	'single-user mode works');
like($output, qr/state = "STOPPED"/, 'and says that no workers run');

# As pg_upgrade starts it: nothing of heartbeat is even registered.
my $log = $old->log_position;
for my $mode ('-b', '')
{
	my @pg_ctl = ('pg_ctl', '-w', '-D', $old->data_dir, '-l', $old->logfile);
	command_ok([ @pg_ctl, '-o', "$mode -c log_min_messages=debug1", 'start' ], "the server starts $mode");
	is($old->log_matches('registering background worker "heartbeat launcher"', $log),
		$mode eq '-b' ? 0 : 1, $mode eq '-b' ? 'without heartbeat' : 'with heartbeat');
	command_ok([ @pg_ctl, 'stop' ], 'and stops');
}

for my $name ('copied', 'linked')
{
	my @mode = $name eq 'linked' ? '--link' : ();
	my $new  = Heartbeat::Cluster->create($name, kafka => $kafka, start => 0);
	$old->start;
	reads_everything($old, 'the server to upgrade has everything');
	$old->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'some of which is rolled up');
	cmp_ok($old->count('heartbeat_rollup'), '>', 0, 'as rows of the rollup');
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
	is_deeply(contents($new), $before, 'all is what it was');
	$feed->publish(300);
	$new->set('heartbeat.brokers' => $kafka->brokers);
	reads_everything($new, 'ingest goes on');
	$new->query("SELECT heartbeat_make_partitions('2026-01-01', '2026-01-01')");
	reads_everything($new, 'partitions are made as before');
	command_ok([ 'pg_dump', '-h', $new->host, '-p', $new->port, '-d', 'heartbeat', '-f', "$files/dump" ], 'pg_dump works');
	like(slurp_file("$files/dump"), qr/COPY public\.heartbeat_offsets/, 'and has the positions');
	$new->assert_no_crash;
	$new->stop;
}
$old->assert_no_crash;

done_testing();
