# Tests cancel requests. An administrator cannot know what a process of heartbeat is doing when a cancel request arrives. The
# test sends hundreds of requests at random moments. No request ends a process, and no reading is lost. 027_database_trouble.t
# checks that a request ends the wait for a lock.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('cancel');
$kafka->start;
$kafka->create_topic('heartbeat-events', 4);
my $node = Heartbeat::Cluster->create('cancel', kafka => $kafka, settings => { 'heartbeat.workers' => 2 });
$node->wait_for_state('RUNNING');
my $begin     = int(time) - 3600;
my $published = 0;

sub publish
{
	my ($count) = @_;
	my $producer = $kafka->producer('heartbeat-events');
	for (1 .. $count)
	{
		my $time = reading_time($begin + int($published / 1000), $published % 1000 * 1000);
		$producer->send({ partition => $published++ % 4, value => reading('cancel', 70, $time) });
	}
	$producer->finish;
	return;
}

# Resumes ingest, and for four seconds sends cancel requests to all processes of heartbeat at random moments. The requests are
# frequent, so some of them arrive in the few microseconds in which a process writes to the log. Returns the ids of the
# processes that run at the end.
sub cancel_often
{
	$node->query(q{SELECT heartbeat_resume(); DO $$
		DECLARE ended timestamptz := clock_timestamp() + '4 s';
		BEGIN
			WHILE clock_timestamp() < ended LOOP
				PERFORM pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%';
				PERFORM count(*) FROM generate_series(1, (random() ^ 3 * 50000)::int);
			END LOOP;
		END $$});
	return join ' ', $node->worker_pids;
}

my @pids = $node->worker_pids;
is(scalar @pids, 4, 'the launcher, the maintenance worker and two ingest workers run');
my $pids = "@pids";

$node->query("SELECT heartbeat_pause('test')");
publish(100_000);
is(cancel_often(), $pids, 'cancel requests while the workers store readings and then sleep end no process');

# After an error, a worker looks for the cause of the error, writes to the log, and waits. The test sends cancel requests during
# these steps.
$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'lock_not_available'; END $$});
for my $table ('heartbeat_records', 'heartbeat_rollup')
{
	$node->query("CREATE TRIGGER refuse AFTER INSERT ON $table FOR EACH STATEMENT EXECUTE FUNCTION refuse()");
}
publish(2000);
$node->wait_for_state('RETRYING', 'not now');
is(cancel_often(), $pids, 'cancel requests while the workers recover from errors end no process');
$node->query("DROP TRIGGER refuse ON $_") for 'heartbeat_records', 'heartbeat_rollup';

$node->wait_for_query('SELECT count(*) FROM heartbeat_records', $published, 'all readings are in the table');
$node->wait_for_state('RUNNING');
is(join(' ', $node->worker_pids), $pids, 'the processes are still the same');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
