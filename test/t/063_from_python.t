# Moving over from a consumer in Python as docs/from-python.md says it, block by block: there, back again, and there for good,
# from tables of integers and milliseconds with rows and views of all kinds.

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

# What the consumer has read: of the last day all that Kafka still has, and before it what Kafka has no longer.
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
is($node->query($old), '1481|54|54', 'what the consumer has stored');

# What drops the views on the old tables, and what makes them.
my ($drop_views, $make_views);

# There: the consumer has stopped, its producers have not.
sub move_over
{
	($drop_views, $make_views) = split /\n/, $page->run('Moving over', 1), 2;
	is($drop_views, 'DROP MATERIALIZED VIEW my_anomalies; DROP VIEW vw_my_highest; DROP VIEW vw_my_report;', 'the views on the old tables are found, to be dropped from the last on');
	like($make_views, qr/^-- owner \w+, rights \S*reporter=r/m, 'with their rights');
	$page->run('Moving over', 2);
	is($node->query('SELECT count(*) FROM vw_my_report WHERE customer_id ~ $$^OLD$$'), 7, 'such a view stays with the old tables');
	$node->query($drop_views);
	$node->query($make_views);
	$node->query('GRANT SELECT ON vw_my_report TO reporter');
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	return;
}
$node->set('heartbeat.group_id' => 'heartbeat-move');
$kafka->produce($topic, @stream[ 1000 .. 1499 ]);
move_over();
is($node->query('SELECT highest FROM vw_my_highest'), 180, 'and made again it is one on the new ones');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-move', $topic, 1503) ], [1503], 'offsets are committed to a group of their own');
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 1003) ], [1003], "and the consumer's stay where it stopped");

# Back.
$node->query($drop_views);
$page->run('Returning to the consumer', 1);
is($node->query($old), '1481|54|54', 'all that the consumer had stored is back, with its view');
is($node->query("SELECT count(*) FROM pg_namespace WHERE nspname = 'before_heartbeat'"), 0, 'and nothing is left aside');
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 1003) ], [1003], 'the consumer would go on where it stopped');
$node->query($make_views);
$node->query('GRANT SELECT ON vw_my_report TO reporter');

# For good.
$kafka->produce($topic, @stream[ 1500 .. 1999 ]);
move_over();

# Times with a zone, and without; microseconds, or not.
my $readings = 'SELECT md5(string_agg(r::text, \' \' ORDER BY r::text)) FROM before_heartbeat.readings r';
$page->run('Taking over old readings', 1);
my $zoned = $node->query($readings);
like($page->run('Taking over old readings', 3), qr/^530\|1970-\S+ \S+\|2026-11-22 \S+\|2\|4$/m, 'a unit that is too small shows');
$node->query('DROP TABLE before_heartbeat.missing; DROP VIEW before_heartbeat.readings');
$node->query("ALTER TABLE before_heartbeat.$_ ALTER event_timestamp TYPE timestamp(3) USING event_timestamp AT TIME ZONE 'UTC'") for qw(heartbeat_records heartbeat_anomalies);
$page->run('Taking over old readings', 2);
is($node->query($readings), $zoned, 'times without a zone are those of UTC');
my $definition = $node->query("SELECT pg_get_viewdef('before_heartbeat.readings'::regclass)");
is($definition =~ s/'00:00:00'/'1 ms'/g, 1, 'the unit is in one place');
$node->query("CREATE OR REPLACE VIEW before_heartbeat.readings AS $definition");
my $report = $page->run('Taking over old readings', 3);
like($report, qr/^528\|1970-\S+ \S+\|2026-10-13 \S+\|0\|4$/m, 'with the right one only what Kafka does not hold is missing');
is(join(' ', sort grep { /^\d+\|[A-Z]*\|[A-Z]+\|\d+$/ } split /\n/, $report), '180|TACHYCARDIA|NORMAL|2 190||TACHYCARDIA|1 40|BRADYCARDIA|NORMAL|10',
	'anomalies of another class than the one of their number are shown');
$page->run('Taking over old readings', 4);
is($page->run('Taking over old readings', 5), 0, 'all of it is there');

is($node->query("SELECT count(*) FILTER (WHERE customer_id ~ '^OLD-\\d'), count(*) FILTER (WHERE customer_id ~ '^CUST') FROM heartbeat_records"),
	'500|1940', 'the old records are beside those of Kafka');
is($node->query("SELECT string_agg(format('%s %s', customer_id, heart_rate), ', ' ORDER BY customer_id, heart_rate) FROM heartbeat_records WHERE customer_id !~ '^(CUST|OLD-\\d)'"),
	'BOTH 70, EARLY 70, OLD-ROUNDED 180, PRECISE 71, PRECISE 72, TWICE 70', 'each once, as Kafka has it where Kafka has it');
is($node->query("SELECT string_agg(DISTINCT format('%s %s %s', customer_id, heart_rate, anomaly_type), ', ') FROM heartbeat_anomalies WHERE customer_id !~ '^CUST'"),
	'BOTH 200 TACHYCARDIA, MISPLACED 20 BRADYCARDIA, OLD-1 20 BRADYCARDIA, OLD-UNNAMED 190 TACHYCARDIA, ROUNDED 180.4 TACHYCARDIA', 'and so are the anomalies, classified');
is($node->query("SELECT tableoid::regclass FROM heartbeat_records WHERE customer_id = 'EARLY'"), 'heartbeat_records_default', 'also one of a clock that was wrong');
like($_->run('Replacing a Python consumer', 1), qr/^2446\n/, 'the old queries answer whoever asked them') for $page, Heartbeat::Runbook->new($node, 'docs/from-python.md', 'heartbeat_user');
$node->assert_summary('the summary has what was taken over');
is($node->query('SELECT * FROM heartbeat_audit() WHERE difference <> 0'), '', 'the account of offsets is right');
is($node->query("SELECT string_agg(difference::text, ' ' ORDER BY difference) FROM heartbeat_audit_tables() WHERE difference <> 0"), '23 504',
	'and that of tables shows what no message has made');

# Accepted, but not while a view still stands on the old tables.
$node->query('CREATE VIEW vw_forgotten AS SELECT count(*) FROM before_heartbeat.heartbeat_records');
ok(!eval { $page->run('Accepting the move', 1); 1 }, 'what is put aside does not go while a view stands on it');
like($@, qr/view vw_forgotten depends on table before_heartbeat\.heartbeat_records/, 'which is named');
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 1003) ], [1003], 'and the way back stays open');
$node->query('DROP VIEW vw_forgotten');
$page->run('Accepting the move', 1);
$page->run('Accepting the move', 2);
is_deeply([ $kafka->wait_for_group_offsets($group, $topic, 2003) ], [2003], "offsets are committed to the consumer's group");
is($node->query("SELECT count(*) FROM vw_my_report; SELECT count(*) FROM heartbeat_records"), "112\n2446", 'and all of it answers');

$page->assert_all_run($page->parts);
$node->assert_no_crash;
$kafka->stop;
done_testing();
