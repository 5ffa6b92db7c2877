# In a unique B-tree index, a bulk insert adds many entries to a leaf page after one search of the tree. The extension amcheck
# finds no fault in the index on the primary, on a standby and after a crash. The standby compares each of its pages with the
# page of the primary. The bulk insert refuses a key that exists, even if another session inserts this key at the same time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;

my $primary = Heartbeat::Cluster->create('primary', streaming => 1,
	settings => { 'wal_consistency_checking' => 'btree', 'autovacuum' => 'off', 'max_wal_size' => '4GB', 'wal_keep_size' => '8GB' });
$primary->query('CREATE EXTENSION amcheck');
$primary->query(q{CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)});
$primary->backup('base');
my $standby = Heartbeat::Cluster->create_from_backup('standby', $primary, 'base', has_streaming => 1);

# Each of 400 customers has 100 different values of `time`. Many rows have the same `device`. Each row has another `number`.
my $rows = <<'SQL';
SELECT customer, time, device, number FROM (
    SELECT 'CUST-' || lpad((i % 400)::text, 4, '0') AS customer, timestamptz '2026-03-02 00:00+00' + i / 400 * interval '1 s' AS time,
        repeat('d', i % 7) AS device, i AS number
    FROM generate_series(0, 39999) i) rows
SQL
my $columns = 'customer text COLLATE "C", time timestamptz, device text COLLATE "C", number integer';

# Creates a table with the index of %case, and inserts every third row with INSERT. Then moves the other rows into the table
# in several bulk inserts, in the order of %case. Returns the name of the table.
my $tables = 0;

sub fill
{
	my (%case) = @_;
	my $name = 'keys_' . ++$tables;
	my $kind = $case{kind} // '';
	$primary->query(<<"SQL");
CREATE $kind TABLE $name ($columns);
CREATE $case{index};
INSERT INTO $name SELECT * FROM ($case{rows}) rows WHERE number % 3 = 0;
SQL
	for my $part (1 .. 4)
	{
		$primary->query(<<"SQL");
CREATE TABLE part ($columns);
INSERT INTO part SELECT * FROM ($case{rows}) rows WHERE number % 3 > 0 AND number % 4 = $part - 1 ORDER BY $case{order};
SELECT heartbeat_move_rows('part', '$name');
DROP TABLE part;
SQL
	}
	return $name;
}

# Compares the index with the table, and checks that a search from the root of the tree finds each entry.
sub check_indexes
{
	my ($node, $table) = @_;
	return $node->query(<<"SQL");
SELECT count(bt_index_parent_check(indexrelid, heapallindexed => true, rootdescend => true)::text) FROM pg_index WHERE indrelid = '$table'::regclass
SQL
}

sub count_by_index
{
	my ($node, $table) = @_;
	return $node->query("SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM $table WHERE customer >= ''");
}

my $own  = 'UNIQUE INDEX ON keys_%d (customer, time, device)';
my %case = (
	'rows in the order of the key'         => { order => 'customer, time, device' },
	'rows in the opposite order'           => { order => 'customer DESC, time DESC, device DESC' },
	'rows in random order'                 => { order => 'md5(number::text)' },
	'rows in the order of time'            => { order => 'time, customer' },
	'descending columns'                   => { index => 'UNIQUE INDEX ON keys_%d (customer DESC, time, device DESC NULLS LAST)', order => 'customer DESC, time, device DESC' },
	'an index with an included column'     => { index => 'UNIQUE INDEX ON keys_%d (customer, time) INCLUDE (number)', order => 'customer, time' },
	'NULL in an included column'           => { index => 'UNIQUE INDEX ON keys_%d (customer, time) INCLUDE (device)', order => 'customer, time',
		rows => "SELECT customer, time, nullif(device, '') AS device, number FROM ($rows) rows" },
	'a collation that ignores case'        => { index => 'UNIQUE INDEX ON keys_%d (customer COLLATE caseless, time, device)', order => 'customer COLLATE caseless, time, device',
		rows => "SELECT CASE WHEN number % 2 = 0 THEN lower(customer) ELSE customer END AS customer, time, device, number FROM ($rows) rows" },
	'pages that are half full'             => { index => 'UNIQUE INDEX ON keys_%d (customer, time) WITH (fillfactor = 50)', order => 'customer, time' },
	'NULL in a column of the key'          => { rows => "SELECT customer, time, CASE WHEN number % 5 > 0 THEN device END AS device, number FROM ($rows) rows", order => 'customer, time' },
	'keys of up to 2,500 bytes'            => { rows => "SELECT customer || (SELECT string_agg(md5(number::text || i), '') FROM generate_series(0, number % 78) i) AS customer, time, device, number FROM ($rows) rows WHERE number < 8000", order => 'customer' },
	'a table without WAL'                  => { kind => 'UNLOGGED', order => 'customer, time' },
	'an index that is not unique'          => { index => 'INDEX ON keys_%d (customer)', order => 'customer' },
	'a unique index with a condition'      => { index => 'UNIQUE INDEX ON keys_%d (customer, time) WHERE number % 2 = 0', order => 'customer, time' },
	'a unique index on an expression'      => { index => 'UNIQUE INDEX ON keys_%d (lower(customer), time)', order => 'customer, time' });

for my $name (sort keys %case)
{
	my %of = (rows => $rows, index => $own, %{ $case{$name} });
	my $table = fill(%of, index => sprintf($of{index}, $tables + 1));
	is(check_indexes($primary, $table), 1, "$name: the index has no fault");
	is(count_by_index($primary, $table), $primary->query("SELECT count(*) FROM ($of{rows}) rows"), "$name: the index finds every row")
	  unless $name =~ /condition|expression|collation/;
}

# The bulk insert must not search the tree for each row. Each search looks at two or more pages, and pg_statio_user_indexes
# counts each page of an index that a session looks at. So the test checks that this count is less than one page for each row.
$primary->query(<<"SQL");
CREATE TABLE sorted ($columns, UNIQUE (customer, time, device));
CREATE TABLE part ($columns);
INSERT INTO part SELECT * FROM ($rows) rows ORDER BY customer, time, device;
SQL
$primary->query(q{SELECT heartbeat_move_rows('part', 'sorted')});
my $looks = q{SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes WHERE relid = 'sorted'::regclass};
$primary->wait_for_query("SELECT ($looks) > 0", 't', 'the server has counted the pages');
cmp_ok($primary->query($looks), '<', 40_000, 'one search of the tree serves many rows in the order of the key');

# The table `sorted` has all keys of this bulk insert, so the bulk insert must fail.
like($primary->query_error(q{SELECT heartbeat_move_rows('part', 'sorted')}), qr/duplicate key value violates unique constraint "sorted_customer_time_device_key"/, 'a key that exists is refused');
is($primary->count('sorted'), 40_000, 'a refused bulk insert leaves no row');
$primary->query('DELETE FROM sorted WHERE number % 2 = 0');
$primary->query(q{CREATE TABLE evens AS SELECT * FROM part WHERE number % 2 = 0; SELECT heartbeat_move_rows('evens', 'sorted')});
$primary->query('DELETE FROM sorted WHERE customer < $$CUST-0300$$; VACUUM sorted');
$primary->query(q{DROP TABLE evens; CREATE TABLE evens AS SELECT * FROM part WHERE customer < $$CUST-0300$$; SELECT heartbeat_move_rows('evens', 'sorted')});
is(count_by_index($primary, 'sorted'), 40_000, 'the keys of deleted rows can be inserted again, before and after VACUUM');
is(check_indexes($primary, 'sorted'), 1, 'the index has no fault after these deletions');

# Two keys that differ only in their case are equal for a collation that ignores case.
$primary->query("CREATE TABLE caseless ($columns); CREATE UNIQUE INDEX caseless_key ON caseless (customer COLLATE caseless, time, device)");
$primary->query(q{SELECT heartbeat_move_rows('part', 'caseless')});
$primary->query(q{CREATE TABLE lowered AS SELECT lower(customer) AS customer, time, device, number FROM part WHERE number = 20000; ALTER TABLE lowered ALTER customer TYPE text COLLATE "C"});
like($primary->query_error(q{SELECT heartbeat_move_rows('lowered', 'caseless')}), qr/duplicate key value violates unique constraint "caseless_key"/, 'a key that differs only in its case is refused');

# Each of two serializable transactions first looks for the key that the other transaction will insert, does not find it, and
# then inserts its own key. So one of the two transactions must fail.
$primary->query("CREATE TABLE left_part AS SELECT * FROM part WHERE customer = 'CUST-0001' LIMIT 1; CREATE TABLE right_part AS SELECT * FROM part WHERE customer = 'CUST-0002' LIMIT 1");
$primary->query("CREATE TABLE apart ($columns, UNIQUE (customer, time, device)); INSERT INTO apart SELECT * FROM part WHERE customer > 'CUST-0002'");
my ($one, $other) = map { $primary->background_psql('heartbeat', on_error_stop => 0) } 1 .. 2;
$_->query_safe('SET enable_seqscan = off; SET enable_bitmapscan = off; BEGIN ISOLATION LEVEL SERIALIZABLE') for $one, $other;
$one->query_safe(q{SELECT * FROM apart WHERE customer = 'CUST-0002'});
$other->query_safe(q{SELECT * FROM apart WHERE customer = 'CUST-0001'});
$one->query_safe(q{SELECT heartbeat_move_rows('left_part', 'apart')});
$one->query_safe('COMMIT');
$other->query(q{SELECT heartbeat_move_rows('right_part', 'apart')});
$other->query('COMMIT');
$_->quit for $one, $other;
is($primary->query(q{SELECT string_agg(DISTINCT customer, ',') FROM apart WHERE customer < 'CUST-0003'}), 'CUST-0001', 'of two serializable transactions that miss each other\'s rows, one fails');

# Four sessions insert at the same time. Each session inserts keys of its own, and keys that the other sessions insert too.
# Meanwhile other sessions delete rows, vacuum the table and rebuild its index.
my $seconds = 6;
$primary->query(<<"SQL");
CREATE TABLE shared ($columns, UNIQUE (customer, time, device));
CREATE TABLE stored (rows bigint);
CREATE TABLE refused (session integer);
CREATE PROCEDURE insert_parts(session integer) LANGUAGE plpgsql AS \$\$
DECLARE
    ends timestamptz := clock_timestamp() + interval '$seconds s';
    round integer := session;
    moved bigint;
BEGIN
    CREATE TEMPORARY TABLE chosen ($columns);
    WHILE clock_timestamp() < ends LOOP
        round := round + 1;
        TRUNCATE chosen;
        INSERT INTO chosen SELECT customer, time + round / 17 * interval '1 day', CASE WHEN number % 50 = 0 THEN 'shared' ELSE session::text END, number
            FROM part WHERE number % 17 = round % 17 ORDER BY customer, time;
        BEGIN
            moved := heartbeat_move_rows('chosen', 'shared');
        EXCEPTION WHEN unique_violation THEN
            INSERT INTO refused VALUES (session);
            DELETE FROM chosen WHERE device = 'shared';
            moved := heartbeat_move_rows('chosen', 'shared');
        END;
        INSERT INTO stored VALUES (moved);
        COMMIT;
    END LOOP;
END
\$\$;
SQL
my @sessions;

sub begin
{
	my ($sql) = @_;
	my %session = (sql => $sql, output => '');
	$session{run} = IPC::Run::start([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr('heartbeat'), '-c', $sql ],
		'>&', \$session{output}, IPC::Run::timeout(120));
	push @sessions, \%session;
	return;
}

begin("CALL insert_parts($_)") for 1 .. 4;
my ($until, $rounds) = (time + $seconds, 0);
while (time < $until)
{
	$rounds++;
	$primary->query("WITH gone AS (DELETE FROM shared WHERE number % 10 = $rounds % 10 AND device <> 'shared' RETURNING 1) INSERT INTO stored SELECT -count(*) FROM gone");
	$primary->query('VACUUM shared');
	$primary->query('REINDEX INDEX CONCURRENTLY shared_customer_time_device_key') if $rounds % 3 == 0;
}
for my $session (@sessions)
{
	IPC::Run::finish($session->{run});
	is($session->{output}, '', "$session->{sql} beside other sessions");
}
cmp_ok($primary->query('SELECT count(*) FROM stored WHERE rows > 0'), '>', 8, 'the sessions stored rows');
cmp_ok($primary->count('refused'), '>', 0, 'a session was refused a key that another session had inserted');
is(count_by_index($primary, 'shared'), $primary->query('SELECT sum(rows) FROM stored'), 'each row that a session stored and no session deleted is in the table');
is($primary->query('SELECT count(*) FROM (SELECT FROM shared GROUP BY customer, time, device HAVING count(*) > 1) repeated'), 0, 'no key is stored twice');
is(check_indexes($primary, 'shared'), 1, 'the index has no fault');

# The server is killed while a session inserts.
my $before = $primary->count('stored');
begin('CALL insert_parts(1000)');
$primary->wait_for_query("SELECT count(*) > $before FROM stored", 't', 'a session inserts');
$primary->stop('immediate');
IPC::Run::kill_kill($sessions[-1]{run});
$primary->start;
is(check_indexes($primary, 'shared'), 1, 'the index has no fault after a crash');

# With wal_consistency_checking, the standby stops if one of its pages differs from the page of the primary, and then does not
# catch up with the primary.
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->count('shared'), $primary->count('shared'), 'the standby has replayed all insertions');
$standby->promote;
is($standby->query(<<'SQL'), 't', 'no index of the promoted standby has a fault');
SELECT count(bt_index_parent_check(indexrelid, heapallindexed => true, rootdescend => true)::text) > 12
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE indrelid::regclass::text ~ '^(keys_|sorted|shared)' AND c.relpersistence = 'p'
SQL
$_->assert_no_crash for $primary, $standby;

done_testing();
