# The whole server has one queue for NOTIFY. Any role can fill this queue: one session of the role listens in an open
# transaction, and another session notifies. When the queue is more than a quarter full, heartbeat drops announcements.
# heartbeat counts and logs the dropped announcements, and still stores all readings.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('notify');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('notify', kafka => $kafka, start => 0);
# In PostgreSQL 17 and newer a setting makes the queue small, so the test fills the queue completely. In older versions the
# queue has 8 GB, so the test fills the queue step by step. In this case the test stops the filling when heartbeat drops
# announcements, or when the queue is a little more than half full. With FILL_QUEUE=1 the test fills the queue completely in
# all versions.
my ($version) = $node->pg_version =~ /^(\d+)/;
$node->append_conf('postgresql.conf', "max_notify_queue_pages = 64\n") if $version >= 17;
my $full = $version >= 17 || $ENV{FILL_QUEUE};
$node->_create_database;
$node->start;
$node->query('CREATE EXTENSION heartbeat');
$node->query('CREATE ROLE nobody_special LOGIN');
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('anomalous', 'anomalies', 1, '1 hour')");

my $published = 0;
my $now       = int(time) - 600;
sub publish
{
	my ($customer, $count) = @_;
	$kafka->produce($topic, map { { value => reading($customer, 200, reading_time($now + $published++)) } } 1 .. $count);
	return $node->wait_for_offsets($topic, $published);
}
my $dropped = "SELECT coalesce(sum(value), 0) FROM heartbeat_metrics WHERE name = 'heartbeat_announcements_dropped_total'";

# Reads the output of a listener until the output matches a pattern, or until the deadline. Returns the output.
sub hears
{
	my ($listener, $word, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($heard, $deadline) = ('', time + 30);
	$heard .= $listener->query_safe('SELECT pg_sleep(0.05)') until $heard =~ $word || time > $deadline;
	like($heard, $word, $what);
	return $heard;
}

my $listener = $node->background_psql('heartbeat');
$listener->query_safe('LISTEN heartbeat_anomaly');
publish('before', 3);
hears($listener, qr/before/, 'the worker announces an anomaly');
$listener->quit;
is($node->query($dropped), 0, 'no announcement is dropped while the queue is empty');

my $holder = $node->background_psql('heartbeat', extra_params => [ '-U', 'nobody_special' ]);
$holder->query_safe($_) for 'LISTEN something', 'BEGIN', 'SELECT 1';
my $position = $node->log_position;
my $began    = time;

# Fills the queue with notifications of more than half a page. Each of them takes a whole page, so the queue becomes full sooner.
sub fill
{
	my ($up_to) = @_;
	my (undef, undef, $error) = $node->psql('heartbeat', qq{DO \$\$ BEGIN
		WHILE pg_notification_queue_usage() < $up_to LOOP
			PERFORM pg_notify('flood', n || repeat('x', 4100)) FROM generate_series(1, 2000) n;
			COMMIT;
		END LOOP; END \$\$}, extra_params => [ '-U', 'nobody_special' ]);
	note sprintf 'the queue was filled up to %s in %.1f s: %s', $node->query('SELECT pg_notification_queue_usage()'), time - $began, $error;
	return;
}
if ($full)
{
	fill(1);
	# fills the rest of the queue: first with notifications of 4100 bytes, then with notifications of one byte
	$node->psql('heartbeat', qq{DO \$\$ BEGIN LOOP PERFORM pg_notify('flood', repeat('x', $_)); COMMIT; END LOOP; END \$\$},
		extra_params => [ '-U', 'nobody_special' ]) for 4100, 1;
	like($node->query_error("NOTIFY heartbeat_anomaly, '" . 'x' x 7000 . "'"), qr/too many notifications in the NOTIFY queue/, 'the queue is full');
	$position = $node->log_position;
	publish('probe', 1);
}
else
{
	for my $up_to (0.06, 0.11, 0.26, 0.51)
	{
		fill($up_to);
		publish('probe', 1);
		last if $node->query($dropped) > 0;
	}
}
my $begun = $node->query($dropped);
cmp_ok($begun, '>', 0, 'heartbeat drops announcements before the queue is much more than half full');
publish('during', $_) for 5, 5;
$node->wait_for_state('RUNNING');
is($node->query("SELECT count(*) FROM heartbeat_anomalies WHERE customer_id = 'during'"), 10, 'all readings are stored while announcements are dropped');
$node->wait_for_query($dropped =~ s/^SELECT (.*?\)) FROM/SELECT $1 >= $begun + 10 FROM/r, 't', 'heartbeat_metrics counts each dropped announcement');
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE subject = 'during'", 1, 'an alert is recorded, although it cannot be announced');
$node->query("SELECT heartbeat_pause('during')");
$node->wait_for_query("SELECT count(*) FROM heartbeat_events WHERE kind = 'state' AND details->>'state' = 'PAUSED'", 1, 'a state is recorded, although it cannot be announced');
$node->query('SELECT heartbeat_resume()');
publish('during', 5);
$node->assert_audit;
is($node->log_matches(qr/LOG:  heartbeat: notifications were dropped/, $position) + $node->log_matches(qr/WARNING:  heartbeat: [^\n]*notifications were dropped/, $position), 1,
	'the log says once that notifications were dropped');
is($node->log_matches(qr/ERROR:/, $position), 0, 'nothing fails while announcements are dropped');

# When the session $holder ends, the queue becomes empty, and heartbeat sends announcements again.
$holder->quit;
$node->wait_for_query('SELECT pg_notification_queue_usage() < 0.1', 't', 'the queue is empty when its listener has ended');
my $before = $node->query($dropped);
$listener = $node->background_psql('heartbeat');
$listener->query_safe("LISTEN $_") for qw(heartbeat_anomaly heartbeat_state heartbeat_alert);
publish('after', 3);
my $heard = hears($listener, qr/heartbeat_anomaly.*after/s, 'anomalies are announced again');
unlike($heard, qr/during/, 'the dropped announcements are not sent later');
$node->query("SELECT heartbeat_pause('after')");
hears($listener, qr/PAUSED/, 'states are announced again');
is($node->query($dropped), $before, 'no announcement is dropped when the queue has room');
$node->query('SELECT heartbeat_resume()');
$listener->quit;
$node->wait_for_state('RUNNING');
$node->assert_audit;

$node->assert_no_crash;
$kafka->stop;
done_testing();
