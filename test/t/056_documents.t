# Runs every SQL block of README.md, reference.md, security.md and administration.md while a worker reads a topic. The first
# block runs CREATE EXTENSION, and the last block runs DROP EXTENSION. The test compares the results with the documents. Other
# tests run the blocks of operations.md, replication.md, from-python.md, sources.md, formats.md and scale-out.md.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('readme');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node   = Heartbeat::Cluster->create('readme', kafka => $kafka, extension => 0);
my ($readme, $reference, $security, $administration) = my @documents = map { Heartbeat::Runbook->new($node, $_) }
  qw(README.md docs/reference.md docs/security.md docs/administration.md);

sub publish { return $kafka->produce($topic, map { ref $_ ? $_ : { value => $_ } } @_); }
sub stored { return $node->wait_for_offsets($topic, $kafka->end_offsets($topic)); }

# A statement in docs/reference.md replays the messages of one afternoon. So the test publishes 1000 messages with Kafka
# timestamps of this afternoon, and then 12,000 messages with later Kafka timestamps.
my $afternoon = 1_795_356_000;    # 2026-11-22 14:00 UTC
my @stream    = reading_stream(13_000, 1);
$stream[$_]{timestamp} = ($afternoon + $_) * 1000 for 0 .. 999;
$stream[$_]{timestamp} = ($afternoon + 7200 + $_) * 1000 for 1000 .. $#stream;
publish(@stream);

$node->wait_for_log(qr/heartbeat: STOPPED: extension "heartbeat" is not in this database/);
is($node->log_matches(qr/heartbeat: RUNNING/, 0), 0, 'no worker reports RUNNING before the extension exists');
like($readme->run('Configure and start', 1), qr/^(?:CONNECTING|RUNNING)\|.*^state\|(?:CONNECTING|RUNNING)$/ms, 'CREATE EXTENSION succeeds, and the status does not report a missing extension');
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING after CREATE EXTENSION');
stored();
my $answer = $readme->run('First queries', 1);
like($answer, qr/^total_records\|12610$/m, 'the first query shows the total of the records');
like($answer, qr/^TACHYCARDIA\|130$/m,     'the first query shows the anomalies of each type');
like($answer, qr/^CUST-\d+\|[\d.]+\|\d+$/m, 'the first query shows the mean of each customer and minute');
like($answer, qr/\n0\z/,                   'no anomaly is stored as a record');

like($readme->run('Check the state', 1), qr/^RUNNING\|[^\n]*\n0\|13000\|0\z/, 'the state is RUNNING, with all messages read, no dead letter and no difference');

$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < (SELECT min(event_timestamp) FROM heartbeat_records) + interval '0.5 s'");
like($reference->run('Replay and seek', 1), qr/^0\|0\|1000\|1000\|485\|0\|515\|0\|default\|0\|0\|$/, 'the replay of the reference restores the deleted readings');
like($reference->run('Replay and seek', 2), qr/^heartbeat-events\|0\|13000\|0$/m, 'the seek of the reference makes the worker read all messages again');
stored();
$node->assert_audit;

$security->run('Rights', $_) for 1 .. 4;
$node->wait_for_query("SELECT current_setting('heartbeat.role'), state FROM heartbeat_status", 'heartbeat_worker|RUNNING', 'the workers act as heartbeat_worker');

# Runs the section "A topic of another layout" of README.md.
$kafka->create_topic('vendor', 1);
$kafka->produce('vendor', map { { value => qq({"person":{"id":"V-$_"},"pulse":7$_,"at":179544474${_}000}) } } 1 .. 3);
my $connected = $readme->run('A topic of another layout', 1);
like($connected, qr/^json\|\|\{.*"\/pulse".*\}\|3\|3$/m, 'a mapping for the topic is suggested');
like($connected, qr/^0\|0\|V-1\|\|71\|2026-11-23 [^|]+\|NORMAL\|\|$/m, 'the readings of the mapping are shown');
$node->wait_for_query(q(SELECT string_agg(customer_id || ' ' || heart_rate, ', ' ORDER BY customer_id) FROM heartbeat_records WHERE customer_id ~ '^V-'),
	'V-1 71, V-2 72, V-3 73', 'the third statement makes the workers store the readings');

publish(map { reading('CUST-0007', 190, reading_time(time - $_)) } 1 .. 3);
stored();
$administration->run('Alerts', 1);
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'three anomalies in a minute' AND subject = 'CUST-0007'", 1, 'the rule of the document raises an alert');
$administration->run('Alerts', 2);

$node->query("SELECT heartbeat_pause('a restore')");
$administration->run('Backup and restore', $_) for 1, 2;
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING after the steps of a restore');

$administration->run('Upgrade', 1);
is($node->query("SELECT extversion = default_version FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE name = 'heartbeat'"),
	't', 'the extension has the default version after the update');
is($administration->run('From 1.x to 2.0', 1), '', 'the block for 2.0 finds no week of 1.x');
is($administration->run('From 1.0 or 1.1', 1), '', 'the first block for old versions revokes a right');
unlike($administration->run('From 1.0 or 1.1', 2), qr/^(?:function|operator|type|trigger|table)/m, 'the second block finds no object of another role');
is($administration->run('From 1.0 or 1.1', 3), '', 'the third block finds no code of another role and no difference');
is($administration->run('From 1.0 or 1.1', 4), '', 'the fourth block has nothing to move');

$administration->run('Changing the database and its tables', 1, 'postgres');
is($node->safe_psql('copy_of_heartbeat', "SELECT sum(next_offset) FROM heartbeat_offsets WHERE source = 'default'"), 13003, 'the copy of the database has the stored offsets');
publish(reading('afterwards', 70, reading_time(time)));
stored();
$node->wait_for_state('RUNNING', undef, 'the workers run again after the copy');

$node->assert_audit;

like($administration->run('Uninstall', 1), qr/^shared_preload_libraries\|.*^heartbeat\.role\|\S*postgresql\.auto\.conf$/ms, 'the last block shows the remaining settings');
$_->assert_all_run($_->parts) for @documents;
$node->assert_no_crash;
$kafka->stop;
done_testing();
