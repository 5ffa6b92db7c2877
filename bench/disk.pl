# Benchmark: the disk space and the WAL of a reading. Run this program through bench/disk, which builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(sum0);
use Heartbeat::Bench;
use Heartbeat::Bench::Producer qw(publish_at_interval);
use Heartbeat::Bench::Report qw(figure print_line);

my %opt = (readings => 2_000_000, customers => 1000, interval => 1);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV or die "usage: bench/disk [--readings N] [--customers N] [--interval SECONDS]\n";
my $records_kept = 12;     # how many kinds of WAL records have a line of their own

my $bench = Heartbeat::Bench->new('disk', settings => { autovacuum => 'off' });
$bench->query("CREATE EXTENSION $_") for qw(pgstattuple pg_walinspect);
publish_at_interval($bench, %opt);
$bench->print_machine("$opt{readings} readings of $opt{customers} customers with a reading every $opt{interval} s, 5 % anomalies, one worker");

# Prints a line of a table: a name, and bytes per reading.
sub line
{
	my ($name, $bytes) = @_;
	print_line(sprintf '%-58s %8.1f', $name, $bytes / $opt{readings});
	return;
}

# Returns a hash with the bytes of each table and of its indexes. The bytes of a table include the bytes of its table
# partitions. In this hash, `TABLE key` stands for the primary key of a table, and `TABLE index` stands for the sum of its other
# indexes.
sub relations
{
	my %bytes = map { split /\|/ } split /\n/, $bench->query(q{
		WITH tables AS (
			SELECT c.oid, coalesce(i.inhparent, c.oid)::regclass::text AS name FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
			WHERE c.relkind = 'r' AND c.relname LIKE 'heartbeat%')
		SELECT name, sum(pg_table_size(oid)) FROM tables GROUP BY name
		UNION ALL
		SELECT name || CASE WHEN x.indisprimary THEN ' key' ELSE ' index' END, sum(pg_relation_size(x.indexrelid))
		FROM tables JOIN pg_index x ON x.indrelid = oid GROUP BY 1});
	return %bytes;
}

sub print_relations
{
	my ($title, %bytes) = @_;
	print_line("\n$title, bytes per reading");
	my @large = sort { $bytes{$b} <=> $bytes{$a} } grep { $bytes{$_} >= $opt{readings} / 20 } keys %bytes;
	line($_, $bytes{$_}) for @large;
	my $sum = sum0(values %bytes);
	line('all other tables and indexes', $sum - sum0(@bytes{@large}));
	line('sum',                          $sum);
	return $sum / $opt{readings};
}

# Prints how many bytes each part of heartbeat_records takes, and each part of its primary key. Each row and each index entry
# begins at a multiple of 8 bytes, so there are gaps between them.
sub print_parts
{
	print_line("\nparts of heartbeat_records, bytes per row");
	my ($rows, @parts) = split /\|/, $bench->query(q{
		WITH columns AS (
			SELECT count(*) AS rows, sum(pg_column_size(id) + pg_column_size(heart_rate) + pg_column_size(event_timestamp) + pg_column_size(ingested_at)) AS fixed,
				sum(pg_column_size(customer_id)) AS customer, sum(pg_column_size(device_id)) AS device FROM heartbeat_records),
		heap AS (
			SELECT sum(s.table_len) AS pages, sum(s.tuple_len) AS tuples, sum(s.free_space) AS free
			FROM pg_inherits i, pgstattuple(i.inhrelid) s WHERE i.inhparent = 'heartbeat_records'::regclass)
		SELECT rows, fixed, customer, device, tuples - fixed - customer - device, 4 * rows, free, pages - tuples - free - 4 * rows
		FROM columns, heap});
	my @names = (
		'id, heart_rate, event_timestamp, ingested_at',
		'customer_id', 'device_id', 'header of the row, and the gaps between its columns',
		'item identifier of the row', 'free space of the pages', 'headers of the pages, and the gaps between the rows');
	print_line(sprintf '%-58s %8.1f', $names[$_], $parts[$_] / $rows) for 0 .. $#names;
	# a leaf page of the key has a header of 24 bytes and a special space of 16 bytes
	my ($size, $inner, $headers, $used) = split /\|/, $bench->query(q{
		SELECT sum(s.index_size), sum(s.index_size - s.leaf_pages * page.size), sum(s.leaf_pages * 40),
			sum(s.leaf_pages * (page.size - 40) * s.avg_leaf_density / 100)
		FROM pg_inherits i JOIN pg_index x ON x.indrelid = i.inhrelid AND x.indisprimary, pgstatindex(x.indexrelid) s,
			(SELECT current_setting('block_size')::integer) page (size)
		WHERE i.inhparent = 'heartbeat_records'::regclass AND s.leaf_pages > 0});
	my @of_key = (
		[ 'entries, with their item identifiers', $used ],
		[ 'free space of the leaf pages',         $size - $inner - $headers - $used ],
		[ 'headers of the leaf pages',            $headers ],
		[ 'pages above the leaf pages',           $inner ]);
	print_line(sprintf '%-58s %8.1f', "key: $_->[0]", $_->[1] / $rows) for @of_key;
	return;
}

sub print_wal
{
	my ($from, $to) = @_;
	my @records = map { [ split /\|/ ] } split /\n/, $bench->query(qq{
		SELECT "resource_manager/record_type", count, combined_size FROM pg_get_wal_stats('0/0'::pg_lsn + $from, '0/0'::pg_lsn + $to, true)
		WHERE count > 0 ORDER BY combined_size DESC});
	print_line("\nWAL, bytes per reading (records per reading)");
	for my $record (@records[ 0 .. $records_kept - 1 ])
	{
		print_line(sprintf '%-58s %8.1f (%.3f)', $record->[0], $record->[2] / $opt{readings}, $record->[1] / $opt{readings}) if $record;
	}
	line('all other records', sum0(map { $_->[2] } @records[ $records_kept .. $#records ]));
	line('sum, with the headers of the pages', $to - $from);
	return;
}

$bench->query('CHECKPOINT');
my $from  = $bench->wal_position;
my $drain = $bench->drain;
my $to    = $bench->wal_position;
$bench->check_audit($opt{readings});
$bench->await_rollup;
$bench->query('VACUUM (ANALYZE)');
my $stored = print_relations('after ingest and a vacuum', relations());
print_parts();
print_wal($from, $to);

# All readings are at least a week old, so their weeks have ended. With this setting heartbeat packs these weeks.
$bench->node->set('heartbeat.pack_after' => '1min');
$bench->node->poll_query_until('heartbeat', "SELECT failures = 0 AND done_at IS NOT NULL FROM heartbeat_maintenance WHERE duty = 'packing'")
  or die "heartbeat has not packed the weeks\n";
my $packed = print_relations('after heartbeat has packed the weeks', relations());
print_line(sprintf "\nbytes per reading: %.1f, packed %.1f", $stored, $packed);
figure('disk: bytes per reading', $stored, '%.1f', 'lower');
figure('disk: bytes per reading, packed', $packed, '%.1f', 'lower');
figure('disk: WAL, bytes per reading', $drain->{wal} / $opt{readings}, '%.1f', 'lower');
