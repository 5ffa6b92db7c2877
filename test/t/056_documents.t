# Every SQL block of the README and of the documents that it leads to (but operations.md, which has tests of its own), on a live
# pipeline, from CREATE EXTENSION to moving over from tables that a consumer in Python has filled; what the text says comes of it.

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
my ($readme, $reference, $security, $administration, $python) = my @documents = map { Heartbeat::Runbook->new($node, $_) }
  qw(README.md docs/reference.md docs/security.md docs/administration.md docs/from-python.md);

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
like($readme->run('Then', 1), qr/^(?:CONNECTING|RUNNING)\|.*^state\|(?:CONNECTING|RUNNING)$/ms, 'the extension is made, and is not said to be missing');
$node->wait_for_state('RUNNING', undef, 'a moment later it runs');
stored();
my $answer = $readme->run('Queries to begin with', 1);
like($answer, qr/^total_records\|12610$/m, 'totals');
like($answer, qr/^TACHYCARDIA\|130$/m,     'anomalies by type');
like($answer, qr/^CUST-\d+\|[\d.]+\|\d+$/m, 'means by customer and minute');
like($answer, qr/\n0\z/,                   'no anomaly is among the records');

like($readme->run('Is it well?', 1), qr/^RUNNING\|[^\n]*\n0\|13000\|0\z/, 'all is well: a state, a position, no dead letter, no difference');

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
$administration->run('Backup and restore', 1);
$node->wait_for_state('RUNNING', undef, 'resumed');

$administration->run('Upgrade', 1);
is($node->query("SELECT extversion = default_version FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE name = 'heartbeat'"),
	't', 'the extension is updated');

$administration->run('Changing the database and its tables', 1, 'postgres');
is($node->safe_psql('copy_of_heartbeat', 'SELECT sum(next_offset) FROM heartbeat_offsets'), 13003, 'the database is copied, with its positions');
publish(reading('afterwards', 70, reading_time(time)));
stored();
$node->wait_for_state('RUNNING', undef, 'and the workers are back');

$node->assert_audit;

# What a consumer in Python has left: of a time before Kafka's, of Kafka's (rounded over a class's bound), a row whose class was
# forgotten, and one of a clock that was wrong.
publish(reading('ROUNDED', 180.4, '2026-11-22T17:00:00Z'));
like($administration->run('Uninstall', 1), qr/^shared_preload_libraries\|.*^heartbeat\.role\|\S*postgresql\.auto\.conf$/ms, 'what is left in the configuration is said');
$node->query($_) for 'ALTER SYSTEM RESET heartbeat.role', 'SELECT pg_reload_conf()', 'CREATE ROLE heartbeat_user LOGIN',
  'CREATE TABLE heartbeat_records (id serial PRIMARY KEY, customer_id text, heart_rate integer, event_timestamp timestamptz)',
  'CREATE TABLE heartbeat_anomalies (id serial PRIMARY KEY, customer_id text, heart_rate integer, event_timestamp timestamptz, anomaly_type text)',
  'CREATE VIEW vw_recent_anomalies AS SELECT customer_id FROM heartbeat_anomalies';
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
	SELECT 'OLD-' || i % 7, 60 + i % 90, '2026-10-13 14:00Z'::timestamptz + i * interval '1 s' FROM generate_series(1, 500) i");
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('MISPLACED', 20, '2026-10-13 15:00Z')");
$node->query("INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp)
	SELECT 'OLD-1', 20, '2026-10-13 16:00Z'::timestamptz + i * interval '1 s' FROM generate_series(1, 20) i");
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('ROUNDED', 180, '2026-11-22 17:00Z'), ('EARLY', 70, '1970-01-01 00:00Z')");
$python->run('Moving over', 1);
stored();
# with a zone, and without
my $readings = 'SELECT md5(string_agg(r::text, \' \' ORDER BY r::text)) FROM before_heartbeat.readings r';
$python->run('Moving over', 2);
my $zoned = $node->query($readings);
$node->query('DROP VIEW before_heartbeat.readings');
$node->query("ALTER TABLE before_heartbeat.$_ ALTER event_timestamp TYPE timestamp USING event_timestamp AT TIME ZONE 'UTC'") for qw(heartbeat_records heartbeat_anomalies);
$python->run('Moving over', 3);
is($node->query($readings), $zoned, 'times without a zone are those of UTC');
$python->run('Moving over', 4);
is($python->run('Moving over', 5), 0, 'all of the old readings are there');
is($node->query("SELECT tableoid::regclass, customer_id FROM heartbeat_records WHERE event_timestamp < '2020-01-01'"), 'heartbeat_records_default|EARLY',
	'also one of a clock that was wrong');
is($node->query("SELECT heart_rate FROM (SELECT customer_id, heart_rate FROM heartbeat_anomalies UNION ALL SELECT customer_id, heart_rate FROM heartbeat_records) r
	WHERE customer_id = 'ROUNDED'"), '180.4', 'and of the one that was rounded, what Kafka has, once');
is($node->query("SELECT count(*) FILTER (WHERE customer_id ~ '^OLD'), count(*) FILTER (WHERE customer_id ~ '^CUST') FROM heartbeat_records"),
	'500|12610', 'the old records are beside those of Kafka');
is($node->query("SELECT anomaly_type, count(*) FROM heartbeat_anomalies WHERE customer_id !~ '^CUST' GROUP BY anomaly_type ORDER BY anomaly_type"), "BRADYCARDIA|21\nTACHYCARDIA|1",
	'and so are the anomalies, classified, also one that was among the records');
my @old_queries = ('Coming from a pipeline in Python', 1);
like($_->run(@old_queries), qr/^13112\n.*^customers\|111$/ms, 'the old queries answer whoever asked them')
  for $python, Heartbeat::Runbook->new($node, 'docs/from-python.md', 'heartbeat_user');
$node->assert_summary('the summary has what was taken over');
is($node->query('SELECT * FROM heartbeat_audit() WHERE difference <> 0'), '', 'the account of offsets is right');
is($node->query("SELECT string_agg(difference::text, ' ' ORDER BY difference) FROM heartbeat_audit_tables() WHERE difference <> 0"), '21 501',
	'and that of tables shows what no message has made');
$python->run('Moving over', 6);
$_->assert_all_run($_->parts) for @documents;
$node->assert_no_crash;
$kafka->stop;
done_testing();
