# Every SQL block of the README and of the documents that it leads to, on a live pipeline, from CREATE EXTENSION to DROP EXTENSION;
# what the text says comes of it. operations.md, replication.md and from-python.md have tests of their own.

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

# Messages of an afternoon that the reference replays, and as many later ones as its offsets need.
my $afternoon = 1_795_356_000;    # 2026-11-22 14:00 UTC
my @stream    = reading_stream(13_000, 1);
$stream[$_]{timestamp} = ($afternoon + $_) * 1000 for 0 .. 999;
$stream[$_]{timestamp} = ($afternoon + 7200 + $_) * 1000 for 1000 .. $#stream;
publish(@stream);

$node->wait_for_log(qr/heartbeat: STOPPED: extension "heartbeat" is not in this database/);
is($node->log_matches(qr/heartbeat: RUNNING/, 0), 0, 'nothing is said to run before there is an extension');
like($readme->run('Configure and start', 1), qr/^(?:CONNECTING|RUNNING)\|.*^state\|(?:CONNECTING|RUNNING)$/ms, 'the extension is made, and is not said to be missing');
$node->wait_for_state('RUNNING', undef, 'a moment later it runs');
stored();
my $answer = $readme->run('First queries', 1);
like($answer, qr/^total_records\|12610$/m, 'totals');
like($answer, qr/^TACHYCARDIA\|130$/m,     'anomalies by type');
like($answer, qr/^CUST-\d+\|[\d.]+\|\d+$/m, 'means by customer and minute');
like($answer, qr/\n0\z/,                   'no anomaly is among the records');

like($readme->run('Check the state', 1), qr/^RUNNING\|[^\n]*\n0\|13000\|0\z/, 'all is well: a state, a position, no dead letter, no difference');

$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < (SELECT min(event_timestamp) FROM heartbeat_records) + interval '0.5 s'");
like($reference->run('Tables, views and functions', 1), qr/^0\|0\|1000\|1000\|485\|0\|515\|0$/, 'a replay brings back what was deleted');
like($reference->run('Tables, views and functions', 2), qr/^heartbeat-events\|0\|13000\|0$/m, 'a seek has ingest replay all of it');
stored();
$node->assert_audit;

$security->run('Rights', $_) for 1 .. 3;
$node->wait_for_query("SELECT current_setting('heartbeat.role'), state FROM heartbeat_status", 'heartbeat_worker|RUNNING', 'the workers act as a role of their own');

publish(map { reading('CUST-0007', 190, reading_time(time - $_)) } 1 .. 3);
stored();
$administration->run('Alerts', 1);
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'three anomalies in a minute' AND subject = 'CUST-0007'", 1, 'a rule raises an alert');
$administration->run('Alerts', 2);

$node->query("SELECT heartbeat_pause('a restore')");
$administration->run('Backup and restore', $_) for 1, 2;
$node->wait_for_state('RUNNING', undef, 'resumed');

$administration->run('Upgrade', 1);
is($node->query("SELECT extversion = default_version FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE name = 'heartbeat'"),
	't', 'the extension is updated');
is($administration->run('From 1.0 or 1.1', 1), '', 'a right is revoked');
unlike($administration->run('From 1.0 or 1.1', 2), qr/^(?:function|operator|type|trigger|table)/m, 'no object of others is found');
is($administration->run('From 1.0 or 1.1', 3), '', 'no code of others, and no difference');
is($administration->run('From 1.0 or 1.1', 4), '', 'and nothing to move');

$administration->run('Changing the database and its tables', 1, 'postgres');
is($node->safe_psql('copy_of_heartbeat', 'SELECT sum(next_offset) FROM heartbeat_offsets'), 13003, 'the database is copied, with its positions');
publish(reading('afterwards', 70, reading_time(time)));
stored();
$node->wait_for_state('RUNNING', undef, 'and the workers are back');

$node->assert_audit;

like($administration->run('Uninstall', 1), qr/^shared_preload_libraries\|.*^heartbeat\.role\|\S*postgresql\.auto\.conf$/ms, 'what is left in the configuration is said');
$_->assert_all_run($_->parts) for @documents;
$node->assert_no_crash;
$kafka->stop;
done_testing();
