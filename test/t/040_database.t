# While readings arrive, administrators drop, copy and rename the workers' database, as docs/administration.md describes. The
# workers find the database again within seconds, and no reading is lost or stored twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('database');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $node = Heartbeat::Cluster->create('database', kafka => $kafka,
	settings => { 'heartbeat.batch_size' => 100, 'heartbeat.workers' => 2 });

$feed->publish(100);
$feed->assert_counted($node, 'every reading is counted once before the database changes');

# While the workers are connected, DROP DATABASE fails, because it needs a database without connections.
my (undef, undef, $refusal) = $node->psql('postgres', 'DROP DATABASE heartbeat');
like($refusal, qr/is being accessed by other users/, 'DROP DATABASE is refused while the workers are connected');

# To copy the database, an administrator follows docs/administration.md: the database refuses connections, and the administrator
# terminates the workers. When the database allows connections again, the workers reconnect without help.
my $alone = document_block('docs/administration.md', 'ALTER DATABASE heartbeat ALLOW_CONNECTIONS false');
$feed->publish(5_000);
my $position = $node->log_position;
for my $statement (grep { /\S/ } split /;\n/, $alone)
{
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'heartbeat'") if $statement =~ /TEMPLATE/;
	$node->safe_psql('postgres', $statement);
}
is($node->safe_psql('copy_of_heartbeat', 'SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the copy of the database is complete');
is($node->safe_psql('copy_of_heartbeat', 'SELECT state FROM heartbeat_status'), 'STOPPED', 'no worker stores readings in the copy');
$feed->assert_counted($node, 'every reading is counted once after the database was copied');
is($node->log_matches('STOPPED: database "heartbeat" does not accept connections', $position), 1, 'the launcher logs once that the database refuses connections');

# An administrator runs DROP DATABASE WITH (FORCE) while batches are stored, and later while Kafka does not answer. Then the
# administrator creates the database and the extension again, and the workers find the database again.
for my $frozen (0, 1)
{
	$feed->publish(10_000);
	if ($frozen)
	{
		$kafka->freeze;
		$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
		$node->wait_for_state('CONNECTING', undef, 'the worker is CONNECTING while Kafka does not answer');
	}
	my $began = time;
	$node->safe_psql('postgres', 'DROP DATABASE heartbeat WITH (FORCE)');
	cmp_ok(time - $began, '<', 8, 'DROP DATABASE WITH (FORCE) takes seconds' . ($frozen ? ', also while the workers ask Kafka' : ''));
	$kafka->thaw if $frozen;
	$node->safe_psql('postgres', 'CREATE DATABASE heartbeat');
	$node->query('CREATE EXTENSION heartbeat');
	$feed->assert_counted($node, 'every reading is counted once after the database was dropped and created again');
}

# An administrator renames the database. First the administrator changes the setting heartbeat.database and restarts the server.
# After the restart no worker is connected to the old database.
$node->safe_psql('postgres', "ALTER SYSTEM SET heartbeat.database = 'elsewhere'");
$node->restart;
$node->wait_for_log(qr/STOPPED: database "elsewhere" does not exist/);
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat RENAME TO elsewhere');
$node->{heartbeat_database} = 'elsewhere';
$feed->publish(1_000);
$feed->assert_counted($node, 'every reading is counted once after the database was renamed');

$node->assert_no_crash;
$kafka->stop;
done_testing();
