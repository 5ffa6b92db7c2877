# Runs the SQL of each panel and each variable of Grafana's dashboards in a running pipeline. The test expands macros and
# variables in the same way as Grafana, and uses the datasource's role. The test fails if a panel returns no rows, or reads
# table partitions outside its time range.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $grafana    = "$FindBin::RealBin/../../grafana";
my $datasource = slurp_file("$grafana/provisioning/datasources/heartbeat.yaml");
my ($uid)      = $datasource =~ /^    uid: (\S+)$/m;
my ($role)     = $datasource =~ /^    user: (\S+)$/m;
my %dashboards = map { $_->{uid} => $_ } map { JSON::PP::decode_json(slurp_file($_)) } glob "$grafana/provisioning/dashboards/*/*.json";
is_deeply([ sort keys %dashboards ], [qw(heartbeat-heartbeats heartbeat-pipeline)], 'there are two dashboards');

# Publishes readings of the last 10 minutes, and of 22 to 36 days ago. The older readings need table partitions of earlier
# weeks, which no panel may read.
my $kafka = Heartbeat::Kafka->new('dashboards');
$kafka->start;
$kafka->create_topic('heartbeat-events', 3);
my $node = Heartbeat::Cluster->create('dashboards', kafka => $kafka);
$node->query($_) for grep { /\S/ } split /;\n/, slurp_file("$grafana/reader.sql");
my $now = time;
$kafka->produce('heartbeat-events', map { reading_stream(300, 3, start => $now - $_) } map({ $_ * 86400 } 22, 29, 36), map({ $_ * 60 } 1 .. 10), 5);
$kafka->produce('heartbeat-events', { partition => 0, value => 'no reading' });
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold) VALUES ('garbage', 'dead_letters', 0)");
$node->wait_for_query('SELECT count(*) FROM heartbeat_alerts WHERE closed_at IS NULL', 1, 'an alert is open for the panels');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 0, 'all messages are read');
my @old = split /\n/, $node->query("SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
	WHERE inhparent::regclass::text ~ '^heartbeat_(records|anomalies|rollup)' AND c.relname ~ 'w' AND
	      substring(pg_get_expr(relpartbound, inhrelid) FROM \$\$TO \\('([^']+)'\\)\$\$)::timestamptz < now() - interval '1 day'");
cmp_ok(scalar @old, '>=', 9, 'table partitions of earlier weeks exist');
my $old = join '|', @old;

# Expands a query as Grafana's PostgreSQL datasource does. The time range is the last quarter of an hour.
my %variables = (__interval => '10s', customer => "'ALL'", source => "'ALL'");

sub expand
{
	my ($sql) = @_;
	my ($from, $to) = map { "'" . strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_) . "'" } time - 900, time;
	$sql =~ s/\$\{(\w+):sqlstring\}/$variables{$1} \/\/ die "no variable $1"/ge;
	$sql =~ s/\$__timeFilter\(([^()]+)\)/$1 BETWEEN $from AND $to/g;
	$sql =~ s/\$__timeFrom\(\)/$from/g;
	$sql =~ s/\$__timeTo\(\)/$to/g;
	$sql =~ s/\$__interval\b/$variables{__interval}/g;
	$sql =~ s/\$__timeGroupAlias\(([^(),]+), (\d+)s\)/floor(extract(epoch from $1)\/$2)*$2 AS "time"/g;
	die "not expanded: $sql" if $sql =~ /\$_|\$\{/;
	return $sql;
}

# Runs a query as the datasource's role, and returns the names of the columns, and the rows.
sub ask
{
	my ($sql, @options) = @_;
	my ($status, $output, $error) = $node->psql('heartbeat', $sql, extra_params => [ '-U', $role, '--csv', '-P', 'tuples_only=off', @options ]);
	die "$sql\n$error" if $status != 0;
	my ($columns, @rows) = split /\n/, $output;
	return ([ split /,/, $columns ], \@rows);
}

sub assert_answers
{
	my ($what, $sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($columns, $rows) = eval { ask(expand($sql)) };
	is($@, '', "$what: the query runs") or return ([], []);
	cmp_ok(scalar @$rows, '>', 0, "$what: the query returns rows");
	isnt(join('', @$rows) =~ s/[,"]//gr, '', "$what: the rows have values");
	my (undef, $plan) = ask('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' . expand($sql));
	is_deeply([ grep { /Scan.* (?:$old)\b/ && !/never executed/ } @$plan ], [], "$what: the query reads no table partition of earlier weeks");
	return ($columns, $rows);
}

# Returns whether all counts are zero. The function ignores the lag, which is always zero here because all messages are read.
sub is_all_zero
{
	my ($columns, $rows, $label) = @_;
	my @counts = grep { $columns->[$_] ne ($label // '') && $columns->[$_] !~ /^(?:time|metric$|partition$|lag)/ } 0 .. $#$columns;
	return @counts && !grep { /[^0.]/ } map { (split /,/)[@counts] } @$rows;
}

for my $dashboard (map { $dashboards{$_} } sort keys %dashboards)
{
	my %panels;
	for my $panel (@{ $dashboard->{panels} })
	{
		my $what = "$dashboard->{title}, $panel->{title}";
		ok(!$panels{ $panel->{id} }++, "$what: the panel has an id of its own");
		isnt($panel->{description} // '', '', "$what: the panel has a description");
		is($_->{datasource}{uid}, $uid, "$what: the panel uses the datasource") for $panel, @{ $panel->{targets} };
		isnt($panel->{fieldConfig}{defaults}{unit}, undef, "$what: the panel has a unit") if $panel->{type} =~ /^(stat|timeseries|barchart|bargauge)$/;
		for my $target (@{ $panel->{targets} })
		{
			my ($columns, $rows) = assert_answers($what, $target->{rawSql});
			ok(!is_all_zero($columns, $rows, $panel->{options}{xField}), "$what: the panel counts something");
			is((grep { $_ eq 'time' } @$columns), $target->{format} eq 'time_series' ? 1 : 0, "$what: a time series has a column time, and a table has no such column")
			  if $panel->{type} ne 'state-timeline';
			for my $name (map { $_->{matcher}{options} } @{ $panel->{fieldConfig}{overrides} })
			{
				ok((grep { $_ eq $name } @$columns) || $target->{format} eq 'time_series', "$what: the query has the column $name that the panel styles");
			}
		}
	}
	assert_answers("$dashboard->{title}, variable $_->{name}", $_->{query}) for @{ $dashboard->{templating}{list} };
	my @linked = JSON::PP->new->canonical->encode($dashboard) =~ m{"/d/([\w-]+)}g;
	cmp_ok(scalar @linked, '>', 0, "$dashboard->{title}: the dashboard has links");
	is_deeply([ grep { !$dashboards{$_} } @linked ], [], "$dashboard->{title}: each link leads to a dashboard that exists");
}

# This customer's name has a quote, so a query that quotes the name wrongly fails.
$kafka->produce('heartbeat-events', { partition => 1, value => reading("O'Hara", $_, reading_time(time - 20, $_)) }) for 70, 200;
$node->wait_for_query("SELECT count(*) FROM heartbeat_anomalies WHERE customer_id = 'O''Hara'", 1, 'a customer with a quote in the name has an anomaly');
$variables{customer} = "'O''Hara'";
for my $panel (grep { $_->{targets}[0]{rawSql} =~ /customer:/ } @{ $dashboards{'heartbeat-heartbeats'}{panels} })
{
	my (undef, $rows) = ask(expand($panel->{targets}[0]{rawSql}));
	cmp_ok(scalar @$rows, '>', 0, "$panel->{title}: the panel shows the chosen customer");
	is_deeply([ grep { /CUST-/ } @$rows ], [], "$panel->{title}: the panel shows no other customer");
}

# vw_recent_anomalies must read the newest 20 anomalies by an index, even if almost all anomalies of the week are less than a
# day old. Other plans would start parallel workers, or read and sort all anomalies of the day.
$node->query("INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, ingested_at, anomaly_type)
	SELECT 'CUST-' || n % 1000, 200, t, t, 'TACHYCARDIA'
	FROM (SELECT n, now() - n * interval '0.1 seconds' AS t FROM generate_series(1, 200000) n ORDER BY random()) a");
$node->query('ANALYZE heartbeat_anomalies');
for my $filter ('', "WHERE customer_id = 'CUST-7'")
{
	my $text = $node->query("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM vw_recent_anomalies $filter LIMIT 20");
	my $plan = JSON::PP::decode_json($text)->[0]{Plan};
	is($plan->{'Actual Rows'}, 20, "vw_recent_anomalies $filter LIMIT 20 returns 20 rows");
	cmp_ok($plan->{'Shared Hit Blocks'} + $plan->{'Shared Read Blocks'}, '<', 100, "vw_recent_anomalies $filter LIMIT 20 reads few blocks");
	unlike($text, qr/Gather/, "vw_recent_anomalies $filter LIMIT 20 starts no parallel workers");
}

# The datasource's role has the rights of the role heartbeat_reader, and no other rights.
$node->query(grants_of('heartbeat_reader'));
is($node->query("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND has_table_privilege('heartbeat_reader', oid, 'SELECT')
		AND NOT has_table_privilege('$role', oid, 'SELECT') UNION ALL
	SELECT oid::regprocedure::text FROM pg_proc WHERE has_function_privilege('heartbeat_reader', oid, 'EXECUTE') AND NOT has_function_privilege('$role', oid, 'EXECUTE')"),
	'', 'the role has the rights of heartbeat_reader in docs/security.md');
for my $sql ('DELETE FROM heartbeat_records', "SELECT heartbeat_pause('no')", 'SELECT payload FROM heartbeat_dead_letters', 'CREATE SCHEMA mine')
{
	my ($status, undef, $error) = $node->psql('heartbeat', "SET default_transaction_read_only = off; $sql", extra_params => [ '-U', $role ]);
	like($error, qr/permission denied/, "the role may not run: $sql");
}

$node->assert_no_crash;
$kafka->stop;
done_testing();
