# The owner creates table partitions that have their own columns, keys and partitions. heartbeat stores each reading once, in
# the table to which INSERT sends it. The audit finds readings that are in another table, or stored twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('shapes');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('shapes', kafka => $kafka);

my $this_week = $node->query("SELECT extract(epoch FROM date_trunc('week', now(), 'UTC'))::bigint");
my $published = 0;
my $columns   = 'id bigint NOT NULL DEFAULT 0, customer_id text COLLATE "C" NOT NULL, heart_rate double precision NOT NULL,
	event_timestamp timestamptz NOT NULL, ingested_at timestamptz NOT NULL DEFAULT now(),
	device_id text COLLATE "C" NOT NULL DEFAULT \'\',
	CONSTRAINT heartbeat_records_normal CHECK (heart_rate >= 40 AND heart_rate <= 180)';
my $key = 'PRIMARY KEY (customer_id, event_timestamp, device_id)';

# Creates the table partition of a week by the given statements. In the statements NAME stands for the name of the table
# partition, and FROM_ and TO_ stand for its bounds.
sub shape
{
	my ($weeks, @statements) = @_;
	my ($name, $from, $to) = split /\|/, $node->query(
		"SELECT to_char(w, '\"heartbeat_records_\"IYYY\"w\"IW'), w || '+00', w + interval '7 days' || '+00'
		 FROM (SELECT to_timestamp($this_week - $weeks * 7 * 86400) AT TIME ZONE 'UTC') t (w)");
	for my $statement (@statements, 'ALTER TABLE heartbeat_records ATTACH PARTITION NAME FOR VALUES FROM (FROM_) TO (TO_)')
	{
		$node->query($statement =~ s/NAME/$name/gr =~ s/FROM_/'$from'/gr =~ s/TO_/'$to'/gr);
	}
	return $name;
}

# Publishes readings of a week as one batch. $first is the number of the first reading. The number of a reading determines its
# customer, heart rate and event time.
sub publish
{
	my ($weeks, $first, $count) = @_;
	my @messages = map {
		my $n = $first + $_;
		{ value => reading('CUST-' . $n % 97, 40 + $n % 141, reading_time($this_week - $weeks * 7 * 86400 + $n * 100)) }
	} 0 .. $count - 1;
	$node->query('SELECT heartbeat_pause()');
	$kafka->produce('heartbeat-events', @messages);
	$node->query('SELECT heartbeat_resume()');
	$published += $count;
	$node->wait_for_offsets('heartbeat-events', $published);
	return;
}

# Passes when each row is in the leaf table into which INSERT would put the row.
sub assert_places
{
	my ($name, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $wrong = $node->query(
		"BEGIN; CREATE TEMP TABLE was ON COMMIT DROP AS SELECT tableoid AS leaf, customer_id, event_timestamp FROM $name;
		 CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM $name; DELETE FROM $name;
		 INSERT INTO heartbeat_records (id, customer_id, heart_rate, event_timestamp, ingested_at)
			SELECT id, customer_id, heart_rate, event_timestamp, ingested_at FROM kept;
		 SELECT count(*) FILTER (WHERE w.leaf IS DISTINCT FROM r.tableoid), count(*) > 0
			FROM was w FULL JOIN $name r USING (customer_id, event_timestamp); ROLLBACK");
	return is($wrong, '0|t', "$what: each reading is where INSERT puts it");
}

sub differences
{
	return $node->query("SELECT string_agg(difference::text, ' ') FROM heartbeat_audit_tables()
		WHERE table_name IN ('heartbeat_records', 'heartbeat_anomalies')");
}

# heartbeat can store few rows in one way and many rows in another way, so the test publishes a small batch and a large batch
sub assert_shape
{
	my ($weeks, $name, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	publish($weeks, 0,    100);
	publish($weeks, 1000, 1000);
	publish($weeks, 950,  300);    # 250 of these readings exist already
	is($node->count($name), 1150, "$what: each reading is stored once");
	is($node->query("SELECT count(*) FROM generate_series(0, 96) n WHERE NOT EXISTS (SELECT FROM heartbeat_records WHERE customer_id = 'CUST-' || n
		AND event_timestamp >= to_timestamp($this_week - $weeks * 7 * 86400) AND event_timestamp < to_timestamp($this_week - ($weeks - 1) * 7 * 86400))"),
		0, "$what: each customer is found");
	is(differences(), '0 0', "$what: the audit shows no difference");
	return assert_places($name, $what);
}

my @hashed = map { ("CREATE TABLE NAME_$_ PARTITION OF NAME ($key) FOR VALUES WITH (MODULUS 3, REMAINDER $_)") } 0 .. 2;
my $hash   = shape(10, "CREATE TABLE NAME ($columns) PARTITION BY HASH (customer_id)", @hashed);
assert_shape(10, $hash, 'by hash of the customer');

my @shapes = (
	[ 'by list of customers, with a default',
		"CREATE TABLE NAME ($columns) PARTITION BY LIST (customer_id)",
		"CREATE TABLE NAME_a PARTITION OF NAME ($key) FOR VALUES IN ('CUST-1', 'CUST-5')",
		"CREATE TABLE NAME_b PARTITION OF NAME ($key) DEFAULT" ],
	[ 'by range of the heart rate',
		"CREATE TABLE NAME ($columns) PARTITION BY RANGE (heart_rate)",
		"CREATE TABLE NAME_a PARTITION OF NAME ($key) FOR VALUES FROM (0) TO (100)",
		"CREATE TABLE NAME_b PARTITION OF NAME ($key) FOR VALUES FROM (100) TO (1000)" ],
	[ 'by a column that has its default',
		"CREATE TABLE NAME ($columns) PARTITION BY RANGE (ingested_at)",
		"CREATE TABLE NAME_a PARTITION OF NAME ($key) FOR VALUES FROM (MINVALUE) TO ('2001-01-01')",
		"CREATE TABLE NAME_b PARTITION OF NAME ($key) FOR VALUES FROM ('2001-01-01') TO (MAXVALUE)" ],
	[ 'by halves of the week, then by hash',
		"CREATE TABLE NAME ($columns) PARTITION BY RANGE (event_timestamp)",
		"CREATE TABLE NAME_a PARTITION OF NAME FOR VALUES FROM (FROM_) TO (FROM_::timestamptz + interval '12 hours') PARTITION BY HASH (customer_id)",
		"CREATE TABLE NAME_a0 PARTITION OF NAME_a ($key) FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
		"CREATE TABLE NAME_a1 PARTITION OF NAME_a ($key) FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
		"CREATE TABLE NAME_b PARTITION OF NAME ($key) DEFAULT" ],
	[ 'by hours, with a default for the other hours',
		"CREATE TABLE NAME ($columns) PARTITION BY RANGE (event_timestamp)",
		"CREATE TABLE NAME_a PARTITION OF NAME ($key) FOR VALUES FROM (FROM_::timestamptz + interval '5 hours') TO (FROM_::timestamptz + interval '6 hours')",
		"CREATE TABLE NAME_b PARTITION OF NAME ($key) DEFAULT" ],
	[ 'with a key on more columns', "CREATE TABLE NAME ($columns, $key, UNIQUE (event_timestamp, customer_id, heart_rate))" ],
	[ 'with the key of version 1.x', "CREATE TABLE NAME ($columns, PRIMARY KEY (customer_id, event_timestamp))" ],
	[ 'with the columns of the key in reverse order', "CREATE TABLE NAME ($columns, PRIMARY KEY (device_id, event_timestamp, customer_id))" ],
	[ 'with columns in another order',
		'CREATE TABLE NAME (ingested_at timestamptz NOT NULL DEFAULT now(), event_timestamp timestamptz NOT NULL, heart_rate double precision NOT NULL,
			customer_id text COLLATE "C" NOT NULL, gone integer, id bigint NOT NULL, device_id text COLLATE "C" NOT NULL DEFAULT \'\',
			CONSTRAINT heartbeat_records_normal CHECK (heart_rate >= 40 AND heart_rate <= 180), PRIMARY KEY (customer_id, event_timestamp, device_id))',
		'ALTER TABLE NAME DROP gone' ]);
my $weeks = 10;
for my $shape (@shapes)
{
	my ($what, @statements) = @$shape;
	assert_shape(++$weeks, shape($weeks, @statements), $what);
}

# A table partition is a foreign table that refers to a table of the same server.
$node->query('CREATE EXTENSION postgres_fdw');
$node->query(sprintf q{CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'heartbeat')}, $node->host, $node->port);
$node->query('CREATE USER MAPPING FOR CURRENT_USER SERVER self');
my $foreign = shape(++$weeks, "CREATE TABLE far ($columns, $key)", "CREATE FOREIGN TABLE NAME ($columns) SERVER self OPTIONS (table_name 'far')");
assert_shape($weeks, $foreign, 'in a foreign table');
$node->query("ALTER TABLE heartbeat_records DETACH PARTITION $foreign");
$node->query("ALTER TABLE far DROP CONSTRAINT heartbeat_records_normal, ADD CONSTRAINT heartbeat_records_normal CHECK (heart_rate >= 40 AND heart_rate <= 180)");
$node->query("CREATE TABLE home AS TABLE far; DROP FOREIGN TABLE $foreign; DROP TABLE far");
my $far = shape($weeks, "CREATE TABLE NAME ($columns, $key)", 'INSERT INTO NAME TABLE home');
is(differences(), '0 0', 'the audit shows no difference when a local table has the rows of the foreign table');

# A trigger of a leaf table refuses readings. A unique key that differs from the primary key refuses readings too. These readings
# become dead letters, and do not count as duplicates.
$node->query(q{CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN IF new.customer_id = 'CUST-7' THEN RETURN NULL; END IF; RETURN new; END $$});
$node->query("CREATE TRIGGER keep_out BEFORE INSERT ON ${hash}_$_ FOR EACH ROW EXECUTE FUNCTION keep_out()") for 0 .. 2;
publish(10, 3000, 1000);
my $kept_out = grep { $_ % 97 == 7 } 3000 .. 3999;
is($node->query(q{SELECT count(*), min(error_code), max(error_code) FROM heartbeat_dead_letters}), "$kept_out|27000|27000", 'readings that a trigger of a leaf table drops are dead letters');
$node->query("DROP TRIGGER keep_out ON ${hash}_$_") for 0 .. 2;
my $other = shape(++$weeks, "CREATE TABLE NAME ($columns, PRIMARY KEY (heart_rate))");
$node->query('DELETE FROM heartbeat_dead_letters');
publish($weeks, 0, 1000);
is($node->count($other), 141, 'a unique key on the heart rate admits one reading for each rate');
is($node->query('SELECT count(*), min(error_code), max(error_code) FROM heartbeat_dead_letters'), '859|23505|23505', 'the readings that this key refuses are dead letters');
is(differences(), '0 0', 'the audit shows no difference');

# If a table partition has no key, a reading that arrives twice is stored twice, and the audit shows the second row.
my $keyless = shape(++$weeks, "CREATE TABLE NAME ($columns)");
publish($weeks, 0, 300);
is(differences(), '0 0', 'the audit shows no difference for a table partition without a key');
publish($weeks, 200, 300);
is($node->count($keyless), 600, 'readings that come again are stored again');
is(differences(), '-100 0', 'the audit shows the readings that are stored twice');
$node->query("DELETE FROM $keyless WHERE ctid NOT IN (SELECT min(ctid) FROM $keyless GROUP BY customer_id, event_timestamp)");
is(differences(), '-100 0', 'the counters are still wrong when the surplus rows are deleted');
$node->query("UPDATE heartbeat_offsets SET records = records - 100, duplicates = duplicates + 100");
is(differences(), '0 0', 'the audit shows no difference when the counters are corrected');
$node->query("INSERT INTO $keyless SELECT * FROM $keyless LIMIT 7");
is(differences(), '7 0', 'the audit shows rows that a user has stored twice');
$node->query("DELETE FROM $keyless WHERE ctid NOT IN (SELECT min(ctid) FROM $keyless GROUP BY customer_id, event_timestamp)");

# If a row is in the wrong leaf table, a query that searches only the right leaf table does not find this row. Version 1.1
# stored rows in a wrong leaf table.
my $by_rate = $node->query(q{SELECT inhparent::regclass FROM pg_inherits JOIN pg_class c ON c.oid = inhparent JOIN pg_partitioned_table p ON p.partrelid = c.oid
	WHERE partattrs::text = '3' AND relispartition LIMIT 1});
my $bound = $node->query("SELECT pg_get_partition_constraintdef('${by_rate}_b'::regclass)");
$node->query("ALTER TABLE $by_rate DETACH PARTITION ${by_rate}_b");
$node->query("WITH moved AS (DELETE FROM ${by_rate}_a WHERE heart_rate < 50 RETURNING *) INSERT INTO ${by_rate}_b SELECT * FROM moved");
my $moved = $node->query("SELECT count(*) FROM ${by_rate}_b WHERE heart_rate < 100");
cmp_ok($moved, '>', 0, 'the test has moved readings to the wrong leaf table');
$node->query("ALTER TABLE ${by_rate}_b ADD CONSTRAINT bound CHECK ($bound) NOT VALID");
$node->query("UPDATE pg_constraint SET convalidated = true WHERE conname = 'bound'");
$node->query("ALTER TABLE $by_rate ATTACH PARTITION ${by_rate}_b FOR VALUES FROM (100) TO (1000)");
$node->query("ALTER TABLE ${by_rate}_b DROP CONSTRAINT bound");
# If a table partition has no unique key, a search for a reading is slow, and the audit does not search for misplaced readings. So
# the test detaches the table partitions that have no unique key.
$node->query("ALTER TABLE heartbeat_records DETACH PARTITION $_") for $keyless, $other;
$node->query("UPDATE heartbeat_offsets SET records = records - 500 - 141");
is(differences(), "-$moved 0", 'the audit shows the misplaced readings');

# In the schema public, a stranger may create functions that have the names of PostgreSQL's functions. The audit must not call
# these functions.
$node->query('CREATE FUNCTION public.pg_partition_tree(oid) RETURNS SETOF integer LANGUAGE sql AS $$ SELECT 1/0 $$');
$node->query('CREATE FUNCTION public.count(text) RETURNS bigint LANGUAGE sql AS $$ SELECT (1/0)::bigint $$');
is(differences(), "-$moved 0", 'the audit shows the misplaced readings with functions of a stranger');
$node->query('DROP FUNCTION public.pg_partition_tree(oid), public.count(text)');

# Runs the repair of docs/administration.md.
$node->query(document_block('docs/administration.md', 'SET ROLE heartbeat_owner') =~ s/^SET ROLE .*//r);
is(differences(), '0 0', 'the audit shows no difference after the repair of docs/administration.md');
is($node->query("SELECT count(*) FROM ${by_rate}_b WHERE heart_rate < 100"), 0, 'no reading is in the wrong leaf table after the repair');
$node->assert_no_crash;

done_testing();
