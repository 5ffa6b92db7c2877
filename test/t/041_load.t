# Tests bulk inserts of batches: into several table partitions, and into tables that users have changed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('load');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('load', kafka => $kafka);

my $week      = 7 * 86400;
my $this_week = $node->query("SELECT extract(epoch FROM date_trunc('week', now(), 'UTC'))::bigint");
my @published;

# Publishes readings as one batch, and passes when they are stored. The event times begin at the given time, and are $step
# seconds apart (default: 1). Every tenth reading is an anomaly.
sub store
{
	my ($what, $count, $start, $step) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $first    = @published;
	my @messages = map {
		{ value => reading('CUST-' . $_ % 37, $_ % 10 ? 40 + $_ % 141 : 200, reading_time($start + $_ * ($step // 1), $first)) }
	} 1 .. $count;
	$node->query('SELECT heartbeat_pause()');
	$kafka->produce('heartbeat-events', @messages);
	$node->query('SELECT heartbeat_resume()');
	push @published, @messages;
	$node->wait_for_offsets('heartbeat-events', scalar @published);
	return $node->assert_readings($what, @published);
}

# A user has created a table partition whose columns are in another order.
my ($name, $from, $to) = split /\|/,
  $node->query("SELECT to_char(w, '\"heartbeat_records_\"IYYY\"w\"IW'), w, w + interval '7 days' FROM (SELECT to_timestamp($this_week - 30 * $week) AT TIME ZONE 'UTC') t (w)");
$node->query("CREATE TABLE $name (ingested_at timestamptz NOT NULL DEFAULT now(), event_timestamp timestamptz NOT NULL, gone integer,
	heart_rate double precision NOT NULL, device_id text COLLATE \"C\" NOT NULL DEFAULT '', customer_id text COLLATE \"C\" NOT NULL, id bigint NOT NULL DEFAULT nextval('heartbeat_records_id_seq'),
	CONSTRAINT heartbeat_records_normal CHECK (heart_rate >= 40 AND heart_rate <= 180), PRIMARY KEY (customer_id, event_timestamp, device_id))");
$node->query("ALTER TABLE $name DROP gone");
$node->query("ALTER TABLE heartbeat_records ATTACH PARTITION $name FOR VALUES FROM ('$from+00') TO ('$to+00')");

# The first batch goes to one table partition, and the second batch to several table partitions. The next two batches go to
# several table partitions and to the default partitions. The last batch goes only to the default partitions.
store('a batch of one week is stored', 3000, $this_week + 3600);
store('a batch of ten weeks is stored', 2000, $this_week - 10 * $week, 3000);
store('a batch with event times from 1970 to this week is stored', 2000, 0, int($this_week / 2000));
store('a batch with event times from 1970 to the far future is stored', 2000, 86400, int($this_week / 1000));
store('a batch with event times in 1970 is stored', 1000, 86400);
is($node->query('SELECT count(*) > 1000 FROM heartbeat_records_default'), 't', 'the default partition contains the readings of weeks without a table partition');
my $partition = $node->query("SELECT tableoid::regclass FROM heartbeat_records WHERE event_timestamp = to_timestamp($this_week + 3601)");
is( $node->query(q{SELECT count(*) FROM heartbeat_records r JOIN pg_class c ON c.oid = r.tableoid
		CROSS JOIN LATERAL (SELECT 'heartbeat_records' || to_char(event_timestamp AT TIME ZONE 'UTC', '_IYYY"w"IW')) w (of_week)
		WHERE c.relname <> CASE WHEN to_regclass(of_week) IS NULL THEN 'heartbeat_records_default' ELSE of_week END}),
	0, 'each reading is in the table partition of its week, if this table partition exists');

# Tests the BRIN index on time. The bulk insert adds rows to a page range that already has a summary, and must extend this
# summary.
my $minutes = q{SELECT md5(string_agg(n::text, ',' ORDER BY m)) FROM generate_series(to_timestamp(%d), to_timestamp(%d) + interval '3 hours', interval '1 minute') m,
	LATERAL (SELECT count(*) AS n FROM heartbeat_records r WHERE r.event_timestamp >= m AND r.event_timestamp < m + interval '1 minute') c};
sub assert_index_on_time
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $sql     = sprintf $minutes, $this_week, $this_week;
	my $scanned = $node->query("SET enable_bitmapscan = off; $sql");
	isnt($scanned, $node->query('SELECT md5(string_agg($$0$$, $$,$$)) FROM generate_series(0, 180)'), 'the table has rows in these minutes');
	like($node->query("SET enable_seqscan = off; SET enable_indexscan = off; SET enable_indexonlyscan = off; EXPLAIN $sql"), qr/Bitmap Index Scan on ${partition}_event_timestamp_idx/, 'the index on time is used');
	return is($node->query("SET enable_seqscan = off; $sql"), $scanned, "the index on time $what");
}
$node->query("SELECT brin_summarize_new_values('${partition}_event_timestamp_idx'::regclass)");
assert_index_on_time('finds every row');
store('a batch with readings before and after the first batch is stored', 1000, $this_week, 10);
assert_index_on_time('finds the rows that were added to summarized pages');

# If a user has added columns, a bulk insert stores the defaults of these columns, as INSERT does.
$node->query('CREATE SEQUENCE ticket');
$node->query(q{ALTER TABLE heartbeat_records ADD ward text DEFAULT 'general', ADD ticket bigint DEFAULT nextval('ticket'), ADD note text,
	ADD stored_at timestamptz DEFAULT statement_timestamp()});
my $before = @published;
store('a batch is stored in a table with columns of a user', 1000, $this_week + 10 * 3600);
my $since = "WHERE event_timestamp > to_timestamp($this_week + 10 * 3600) AND event_timestamp < to_timestamp($this_week + 11 * 3600)";
is( $node->query("SELECT count(*), min(ward), max(ward), count(DISTINCT ticket), count(note), count(stored_at), count(DISTINCT id) FROM heartbeat_records $since"),
	'900|general|general|900|0|900|900', 'the added columns have their defaults');
$node->query('ALTER TABLE heartbeat_records DROP note, DROP ward');
$node->query('ALTER TABLE heartbeat_records ADD urgent boolean GENERATED ALWAYS AS (heart_rate > 150) STORED');
store('a batch is stored in a table with a generated column', 1000, $this_week + 12 * 3600);
is( $node->query('SELECT count(*) FROM heartbeat_records WHERE urgent IS DISTINCT FROM (heart_rate > 150)'), 0, 'the generated column has its values');
$node->query('ALTER TABLE heartbeat_records DROP urgent, DROP ticket, DROP stored_at');

# Tests indexes of a user: a partial index and an index on an expression.
$node->query("CREATE INDEX fast ON $partition (heart_rate) WHERE heart_rate > 150");
$node->query("CREATE INDEX halved ON $partition ((heart_rate / 2))");
store('a batch is stored in a table with indexes of a user', 1000, $this_week + 14 * 3600);
for my $condition ('heart_rate > 150', 'heart_rate / 2 = 40.5')
{
	my $sql = "SELECT count(*), sum(heart_rate) FROM $partition WHERE $condition";
	is( $node->query("SET enable_seqscan = off; $sql"), $node->query("SET enable_indexscan = off; SET enable_bitmapscan = off; $sql"),
		"the indexes of the user find the rows where $condition");
}
$node->query("DROP INDEX fast, halved");

# A user adds a statement trigger to heartbeat_records. Then the user drops the trigger, and a batch goes to the user's table
# partition $name.
$node->query('CREATE TABLE told (rows bigint)');
$node->query(q{CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO public.told SELECT count(*) FROM new_rows; RETURN NULL; END $$});
$node->query('CREATE TRIGGER tell AFTER INSERT ON heartbeat_records REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tell()');
store('a batch is stored in a table with a statement trigger', 1000, $this_week + 16 * 3600);
is($node->query('SELECT sum(rows) FROM told'), 900, 'the statement trigger sees each row');
$node->query('DROP TRIGGER tell ON heartbeat_records');
store('a batch is stored in a table partition with another order of columns', 1000, $this_week - 30 * $week + 3600);
is($node->query("SELECT count(*) >= 900 FROM $name"), 't', 'the rows are in the table partition of the user');

# heartbeat_records becomes a table partition of a user's table all_records. The partition key of all_records is ingested_at.
# heartbeat gives this column no value, so PostgreSQL uses its default.
$node->query('CREATE TABLE all_records (LIKE heartbeat_records) PARTITION BY RANGE (ingested_at)');
$node->query(q{ALTER TABLE all_records ATTACH PARTITION heartbeat_records FOR VALUES FROM ('2000-01-01') TO ('infinity')});
store('a batch is stored if heartbeat_records is a table partition of a user', 1000, $this_week + 20 * 3600);
$node->query('ALTER TABLE all_records DETACH PARTITION heartbeat_records');
$node->query('DROP TABLE all_records');

is($node->query('SELECT sum(dead_letters) + sum(duplicates) FROM heartbeat_offsets'), 0, 'no reading is a dead letter or a duplicate');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
