# Every SQL block of the README, in its order, on a live pipeline, from CREATE EXTENSION on; what the text says comes of it.

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
my $readme = Heartbeat::Runbook->new($node, 'README.md');

sub publish { return $kafka->produce($topic, map { ref $_ ? $_ : { value => $_ } } @_); }
sub stored { return $node->wait_for_offsets($topic, $kafka->end_offsets($topic)); }

# Messages of an afternoon that the README replays, and as many later ones as its offsets need.
my $afternoon = 1_795_356_000;    # 2026-11-22 14:00 UTC
my @stream    = reading_stream(13_000, 1);
$stream[$_]{timestamp} = ($afternoon + $_) * 1000 for 0 .. 999;
$stream[$_]{timestamp} = ($afternoon + 7200 + $_) * 1000 for 1000 .. $#stream;
publish(@stream);

like($readme->run('Install it on your own server', 1), qr/^[A-Z]+\|.*^state\|[A-Z]+$/ms, 'the extension is made, and its state can be asked');
$node->wait_for_state('RUNNING', undef, 'a moment later it runs');
stored();
my $answer = $readme->run('Queries to begin with', 1);
like($answer, qr/^total_records\|12610$/m, 'totals');
like($answer, qr/^TACHYCARDIA\|130$/m,     'anomalies by type');
like($answer, qr/^CUST-\d+\|[\d.]+\|\d+$/m, 'means by customer and minute');
like($answer, qr/\n0\z/,                   'no anomaly is among the records');

$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < (SELECT min(event_timestamp) FROM heartbeat_records) + interval '0.5 s'");
like($readme->run('SQL reference', 1), qr/^0\|0\|1000\|1000\|485\|0\|515\|0$/, 'a replay brings back what was deleted');
like($readme->run('SQL reference', 2), qr/^heartbeat-events\|0\|13000\|0$/m, 'a seek has ingest replay all of it');
stored();
$node->assert_audit;

$readme->run('Rights', $_) for 1 .. 3;
$node->wait_for_query("SELECT current_setting('heartbeat.role'), state FROM heartbeat_status", 'heartbeat_worker|RUNNING', 'the workers act as a role of their own');

publish(map { reading('CUST-0007', 190, reading_time(time - $_)) } 1 .. 3);
stored();
$readme->run('Alerts', 1);
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'three anomalies in a minute' AND subject = 'CUST-0007'", 1, 'a rule raises an alert');
$readme->run('Alerts', 2);

$node->query("SELECT heartbeat_pause('a restore')");
$readme->run('Backup and restore', 1);
$node->wait_for_state('RUNNING', undef, 'resumed');

publish(qq({"customer_id":"misspelt","bpm":70,"event_timestamp":"2026-11-22T14:00:00Z"}), 'garbage');
stored();
like($readme->run('When something is wrong', 1), qr/^heartbeat-events\|0\|13005\|12345$/m, 'a partition goes on where a person says');
stored();
$readme->run('When something is wrong', 2);
$node->wait_for_query('SHOW heartbeat.offset_reset', 'earliest', 'or where a rule does');
like($readme->run('When something is wrong', 3), qr/^1\|1\|\{"INVALID_JSON": 1\}$/m, 'dead letters are mended and retried');
is($node->count('heartbeat_dead_letters WHERE resolved_at IS NULL'), 0, 'or given up');
$node->assert_audit;

$readme->run('Changing the database and its tables', 1, 'postgres');
is($node->safe_psql('copy_of_heartbeat', 'SELECT sum(next_offset) FROM heartbeat_offsets'), 13005, 'the database is copied, with its positions');
publish(reading('afterwards', 70, reading_time(time)));
stored();
$node->wait_for_state('RUNNING', undef, 'and the workers are back');

$readme->assert_all_run($readme->parts);
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
