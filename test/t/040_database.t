# What administrators do to the workers' database while readings stream: drop, copy and rename it, as docs/administration.md says. The
# workers find it again by themselves and soon, nothing is lost or stored twice, and no state is left behind.

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
$feed->assert_counted($node, 'at first');

# What wants the database for itself is refused while the workers are in it.
my (undef, undef, $refusal) = $node->psql('postgres', 'DROP DATABASE heartbeat');
like($refusal, qr/is being accessed by other users/, 'DROP DATABASE is refused while the workers are connected');

# The document's way to have it alone: nobody gets in, the workers are sent away, and come back by themselves.
my $alone = document_block('docs/administration.md', 'ALTER DATABASE heartbeat ALLOW_CONNECTIONS false');
$feed->publish(5_000);
my $position = $node->log_position;
for my $statement (grep { /\S/ } split /;\n/, $alone)
{
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'heartbeat'") if $statement =~ /TEMPLATE/;
	$node->safe_psql('postgres', $statement);
}
is($node->safe_psql('copy_of_heartbeat', 'SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'a copy is whole');
is($node->safe_psql('copy_of_heartbeat', 'SELECT state FROM heartbeat_status'), 'STOPPED', 'and nobody ingests into it');
$feed->assert_counted($node, 'after the database was copied');
is($node->log_matches('STOPPED: database "heartbeat" does not accept connections', $position), 1, 'the launcher said once that it cannot get in');

# DROP DATABASE WITH (FORCE), in the middle of batches and while Kafka does not answer; made again, it is found.
for my $frozen (0, 1)
{
	$feed->publish(10_000);
	if ($frozen)
	{
		$kafka->freeze;
		$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
		$node->wait_for_state('CONNECTING', undef, 'Kafka does not answer');
	}
	my $began = time;
	$node->safe_psql('postgres', 'DROP DATABASE heartbeat WITH (FORCE)');
	cmp_ok(time - $began, '<', 8, 'DROP DATABASE WITH (FORCE) takes seconds' . ($frozen ? ', also while the workers ask Kafka' : ''));
	$kafka->thaw if $frozen;
	$node->safe_psql('postgres', 'CREATE DATABASE heartbeat');
	$node->query('CREATE EXTENSION heartbeat');
	$feed->assert_counted($node, 'in a database that was dropped and made again');
}

# Renamed: the setting first, which takes a restart; then the workers are not in the way.
$node->safe_psql('postgres', "ALTER SYSTEM SET heartbeat.database = 'elsewhere'");
$node->restart;
$node->wait_for_log(qr/STOPPED: database "elsewhere" does not exist/);
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat RENAME TO elsewhere');
$node->{heartbeat_database} = 'elsewhere';
$feed->publish(1_000);
$feed->assert_counted($node, 'in a database that was renamed');

$node->assert_no_crash;
$kafka->stop;
done_testing();
