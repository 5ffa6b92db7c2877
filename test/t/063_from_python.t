# Runs the blocks of docs/from-python.md in the order of the document. Ingest moves from a consumer in Python to heartbeat, back
# to the consumer, and then permanently to heartbeat. In the consumer's tables a heart rate is an integer, and a time is exact
# to the millisecond. These tables also have nulls, duplicates and readings in the wrong table, and users' views read these
# tables.

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
my $group = 'heartbeat-consumer-group';
my $kafka = Heartbeat::Kafka->new('python');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('python', kafka => $kafka, extension => 0);
my $page = Heartbeat::Runbook->new($node, 'docs/from-python.md');

# The consumer has read messages of the last day and older messages. Kafka still has the messages of the last day, but not the
# older messages.
my $day      = 1_795_363_200;    # 2026-11-22 16:00 UTC
my @stream   = reading_stream(2000, 1, start => $day);
my @consumed = ((map { $_->{value} } @stream[ 0 .. 999 ]),
	reading('ROUNDED', 180.4, reading_time($day + 60)), reading('PRECISE', 71, reading_time($day + 60, 123_456)), reading('PRECISE', 72, reading_time($day + 60, 123_956)));
$kafka->produce($topic, map { { value => $_ } } @consumed);
$kafka->tool('groups', '--group', $group, '--topic', $topic, '--reset-offsets', '--to-offset', scalar @consumed, '--execute');

$node->query(<<'SQL');
CREATE ROLE heartbeat_user LOGIN;
CREATE ROLE reporter;
CREATE TABLE heartbeat_records (id serial PRIMARY KEY, customer_id varchar(64), heart_rate integer, event_timestamp timestamptz(3), created_at timestamptz DEFAULT now());
CREATE TABLE heartbeat_anomalies (id serial PRIMARY KEY, customer_id varchar(64), heart_rate integer, event_timestamp timestamptz(3), anomaly_type varchar(32));
CREATE VIEW vw_recent_anomalies AS SELECT customer_id, anomaly_type FROM heartbeat_anomalies;
CREATE VIEW vw_my_report AS SELECT customer_id, max(heart_rate) AS highest FROM heartbeat_records GROUP BY customer_id;
GRANT SELECT ON vw_my_report TO reporter;
CREATE VIEW vw_my_highest AS SELECT max(highest) AS highest FROM vw_my_report;
CREATE MATERIALIZED VIEW my_anomalies AS SELECT count(*) FROM vw_recent_anomalies;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
    SELECT 'OLD-' || i % 7, 60 + i % 90, '2026-10-13 14:00Z'::timestamptz + i * interval '1 s' FROM generate_series(1, 500) i;
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    SELECT 'OLD-1', 20, '2026-10-13 16:00Z'::timestamptz + i * interval '1 s', 'BRADYCARDIA' FROM generate_series(1, 20) i;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('MISPLACED', 20, '2026-10-13 15:00Z'), ('BOTH', 70, '2026-10-13 15:00Z'), ('TWICE', 70, '2026-10-13 15:00Z'), ('TWICE', 71, '2026-10-13 15:00Z'),
    ('EARLY', 70, '1970-01-01 00:00Z'), ('NO-RATE', NULL, '2026-10-13 15:00Z'), ('NO-TIME', 70, NULL), ('', 70, '2026-10-13 15:00Z'), (NULL, 70, '2026-10-13 15:00Z');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
    ('BOTH', 200, '2026-10-13 15:00Z', 'TACHYCARDIA'), ('OLD-ROUNDED', 180, '2026-10-13 15:00Z', 'TACHYCARDIA'), ('OLD-UNNAMED', 190, '2026-10-13 15:00Z', NULL);
SQL
for my $reading (@consumed)
{
	my ($customer, $rate, $time) = $reading =~ /"customer_id":"(.*?)","heart_rate":(.*?),"event_timestamp":"(.*?)"/;
	my $class = $rate <= 0 ? 'INVALID' : $rate < 40 ? 'BRADYCARDIA' : $rate > 180 ? 'TACHYCARDIA' : undef;
	$reading = defined $class
	  ? "INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES ('$customer', $rate, '$time', '$class')"
	  : "INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('$customer', $rate, '$time')";
}
$node->query(join ";\n", @consumed);
my $old = 'SELECT (SELECT count(*) FROM heartbeat_records), (SELECT count(*) FROM heartbeat_anomalies), (SELECT count(*) FROM vw_recent_anomalies)';
is($node->query($old), '1481|54|54', 'the old tables have the readings of the consumer');

# SQL that drops the views on the old tables, and SQL that creates these views again.
my ($drop_views, $make_views);

# Moves ingest to heartbeat. The consumer has stopped, but the producers continue.
sub move_over
{
	($drop_views, $make_views) = split /\n/, $page->run('Moving over', 1), 2;
	is($drop_views, 'DROP MATERIALIZED VIEW my_anomalies; DROP VIEW vw_my_highest; DROP VIEW vw_my_report;', 'the block lists the views on the old tables, in an order in which they can be dropped');
	like($make_views, qr/^-- owner \w+, rights \S*reporter=r/m, 'the block lists the rights on these views');
	$page->run('Moving over', 2);
	is($node->query('SELECT count(*) FROM vw_my_report WHERE customer_id ~ $$^OLD$$'), 7, 'these views still use the old tables after the move');
	$node->query($drop_views);
	$node->query($make_views);
	$node->query('GRANT SELECT ON vw_my_report TO reporter');
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	return;
}
$node->set('heartbeat.group_id' => 'heartbeat-move');
$kafka->produce($topic, @stream[ 1000 .. 1499 ]);
move_over();
is($node->query('SELECT highest FROM vw_my_highest'), 180, 'the views use the new tables when they are created again');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-move', $topic, 1503) ], [1503], 'heartbeat commits offsets to its own consumer group');
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 1003) ], [1003], "the group of the Python consumer keeps the offset at which the consumer stopped");

# Moves ingest from heartbeat back to the consumer.
$node->query($drop_views);
$page->run('Returning to the consumer', 1);
is($node->query($old), '1481|54|54', 'the old tables and their view are back');
is($node->query("SELECT count(*) FROM pg_namespace WHERE nspname = 'before_heartbeat'"), 0, 'the schema before_heartbeat no longer exists');
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 1003) ], [1003], 'the Python consumer would continue at the offset at which it stopped');
$node->query($make_views);
$node->query('GRANT SELECT ON vw_my_report TO reporter');

# Moves ingest permanently to heartbeat.
$kafka->produce($topic, @stream[ 1500 .. 1999 ]);
move_over();

# The document has one block for old times with a time zone, and another block for old times without a time zone. The column
# `unit` is the precision of the old times. First the test uses the document's value of `unit`. This value is too small for the
# times of this test, and the output of the block must show that.
my $readings = 'SELECT md5(string_agg(r::text, \' \' ORDER BY r::text)) FROM before_heartbeat.readings r';
$page->run('Taking over old readings', 1);
my $zoned = $node->query($readings);
like($page->run('Taking over old readings', 3), qr/^530\|1970-\S+ \S+\|2026-11-22 \S+\|2\|4$/m, 'the report shows a unit of time that is too small');
$node->query('DROP TABLE before_heartbeat.missing; DROP VIEW before_heartbeat.readings');
$node->query("ALTER TABLE before_heartbeat.$_ ALTER event_timestamp TYPE timestamp(3) USING event_timestamp AT TIME ZONE 'UTC'") for qw(heartbeat_records heartbeat_anomalies);
$page->run('Taking over old readings', 2);
is($node->query($readings), $zoned, 'times without a time zone are in UTC');
my $definition = $node->query("SELECT pg_get_viewdef('before_heartbeat.readings'::regclass)");
is($definition =~ s/'00:00:00'/'1 ms'/g, 1, 'the unit of time is in one place of the view');
$node->query("CREATE OR REPLACE VIEW before_heartbeat.readings AS $definition");
my $report = $page->run('Taking over old readings', 3);
like($report, qr/^528\|1970-\S+ \S+\|2026-10-13 \S+\|0\|4$/m, 'with the right unit only readings that Kafka does not have are missing');
is(join(' ', sort grep { /^\d+\|[A-Z]*\|[A-Z]+\|\d+$/ } split /\n/, $report), '180|TACHYCARDIA|NORMAL|2 190||TACHYCARDIA|1 40|BRADYCARDIA|NORMAL|10',
	'the report shows anomalies whose class does not match their heart rate');
$page->run('Taking over old readings', 4);
is($page->run('Taking over old readings', 5), 0, 'no old reading is missing after the block');

is($node->query("SELECT count(*) FILTER (WHERE customer_id ~ '^OLD-\\d'), count(*) FILTER (WHERE customer_id ~ '^CUST') FROM heartbeat_records"),
	'500|1940', 'the old records and the records from Kafka are in one table');
is($node->query("SELECT string_agg(format('%s %s', customer_id, heart_rate), ', ' ORDER BY customer_id, heart_rate) FROM heartbeat_records WHERE customer_id !~ '^(CUST|OLD-\\d)'"),
	'BOTH 70, EARLY 70, OLD-ROUNDED 180, PRECISE 71, PRECISE 72, TWICE 70', 'each reading is stored once, and with the values from Kafka if Kafka has the reading');
is($node->query("SELECT string_agg(DISTINCT format('%s %s %s', customer_id, heart_rate, anomaly_type), ', ') FROM heartbeat_anomalies WHERE customer_id !~ '^CUST'"),
	'BOTH 200 TACHYCARDIA, MISPLACED 20 BRADYCARDIA, OLD-1 20 BRADYCARDIA, OLD-UNNAMED 190 TACHYCARDIA, ROUNDED 180.4 TACHYCARDIA', 'each anomaly is stored once, with its class');
is($node->query("SELECT tableoid::regclass FROM heartbeat_records WHERE customer_id = 'EARLY'"), 'heartbeat_records_default', 'an old record with a wrong event time is in the default partition');
like($_->run('Replacing a Python consumer', 1), qr/^2446\n/, 'the old queries have the same result for every role') for $page, Heartbeat::Runbook->new($node, 'docs/from-python.md', 'heartbeat_user');
$node->assert_summary('the summary includes the old readings');
is($node->query('SELECT * FROM heartbeat_audit() WHERE difference <> 0'), '', 'heartbeat_audit() shows no difference');
is($node->query("SELECT string_agg(difference::text, ' ' ORDER BY difference) FROM heartbeat_audit_tables() WHERE difference <> 0"), '23 504',
	'heartbeat_audit_tables() shows the rows that came from no message');

# The block that drops the old tables fails while a view uses one of these tables.
$node->query('CREATE VIEW vw_forgotten AS SELECT count(*) FROM before_heartbeat.heartbeat_records');
ok(!eval { $page->run('Accepting the move', 1); 1 }, 'the block fails while a view uses an old table');
like($@, qr/view vw_forgotten depends on table before_heartbeat\.heartbeat_records/, 'the error names this view');
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 1003) ], [1003], 'the group of the Python consumer still has its offset after the failed block');
$node->query('DROP VIEW vw_forgotten');
$page->run('Accepting the move', 1);
$page->run('Accepting the move', 2);
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 2003) ], [2003], "heartbeat commits offsets to the group of the Python consumer");
is($node->query("SELECT count(*) FROM vw_my_report; SELECT count(*) FROM heartbeat_records"), "112\n2446", 'the views have all readings at the end');

$page->assert_all_run($page->parts);
$node->assert_no_crash;
$kafka->stop;
done_testing();
