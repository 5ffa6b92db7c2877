# A reader sees only the rows that a view shows. If a view is not a security barrier, the server can test a row with a
# function of the reader before it tests the row with the conditions of the view. So the function could reveal rows that the view
# does not show.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Runbook;

my $node = Heartbeat::Cluster->create('views', settings => { 'heartbeat.topic' => 'ours' });
$node->query(grants_of('heartbeat_reader'));

# Waits for this week's table partitions. Otherwise the maintenance worker could attach a table partition while the test inserts
# a row of this week into the default partition. Then the server would refuse the row.
$node->wait_for_query("SELECT count(DISTINCT h.inhparent) FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
	WHERE c.relkind = 'r' AND pg_get_expr(c.relpartbound, c.oid) LIKE 'FOR VALUES FROM%'", 3, 'the maintenance worker has made the table partitions of this week');

# The views show some of these rows and hide the others. Both kinds of rows are in the same table partition.
$node->query($_) for
	q{INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
		('shown', 200, now() - interval '23 hours 59 minutes', 'TACHYCARDIA'), ('hidden', 200, now() - interval '24 hours 1 minute', 'TACHYCARDIA')},
	q{INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset) VALUES ('ours', 0, 0, 0), ('hidden', 0, 0, 0)},
	q{INSERT INTO heartbeat_dead_letters (topic, partition, "offset", error_code, error_text, resolved_at) VALUES
		('shown', 0, 0, 'shown', 'shown', NULL), ('hidden', 0, 1, 'hidden', 'hidden', now()), ('hidden', 0, 2, 'shown', 'hidden', now())};

# The reader creates a function, and filters the rows of a view by this function. The argument of the function is a column of the
# view. leaked() returns the values that the server passes to the function.
sub leaked
{
	my ($view, $column) = @_;
	my (undef, undef, $notices) = $node->psql('heartbeat', qq{
		SET ROLE heartbeat_reader;
		CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
			AS \$\$ BEGIN RAISE NOTICE 'leaked %', \$1; RETURN true; END \$\$;
		SELECT count(*) FROM $view WHERE pg_temp.leak(${column}::text)});
	my %seen = map { $_ => 1 } $notices =~ /leaked (.*)/g;
	return join ' ', sort keys %seen;
}

# The function must report each row that the view shows: otherwise the test would pass with a function that is never called.
is(leaked('vw_recent_anomalies',           'customer_id'),   'shown', 'vw_recent_anomalies reveals no customer older than a day');
is(leaked('heartbeat_partitions',          'topic'),         'ours',  'heartbeat_partitions reveals no other topic');
is(leaked('heartbeat_dead_letter_summary', 'error_code'),    'shown', 'heartbeat_dead_letter_summary reveals no resolved error');
is(leaked('heartbeat_dead_letter_summary', 'example_topic'), 'shown', 'heartbeat_dead_letter_summary reveals no topic of a resolved dead letter');
is(leaked('heartbeat_dead_letter_summary', 'example_error'), 'shown', 'heartbeat_dead_letter_summary reveals no text of a resolved dead letter');

# All views of the extension that a reader may read, including views that are added later.
my @views = split /\n/, $node->query(q{
	SELECT c.relname, coalesce((SELECT option_value::boolean FROM pg_options_to_table(c.reloptions) WHERE option_name = 'security_barrier'), false)
	FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
	WHERE c.relkind = 'v' AND has_table_privilege('heartbeat_reader', c.oid, 'SELECT') ORDER BY 1});
cmp_ok(scalar @views, '>=', 7, 'a reader may read at least seven views');
is(join(' ', grep { !/\|t$/ } @views), '', 'each of these views is a security barrier');

$node->assert_no_crash;
done_testing();
