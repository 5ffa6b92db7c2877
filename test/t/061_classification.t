# The rule of classification is a C++ function in src/decode/classify.h, which heartbeat_classify() calls. The constraints of
# the tables, a dashboard, the README and a program of the benchmarks cannot call the C++ function. So each of these four
# places has a copy of the rule. Each copy must give each boundary value the same class as heartbeat_classify().

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;

my $root = "$FindBin::RealBin/../..";
my $node = Heartbeat::Cluster->create('classification');

# The boundaries of the classes, numbers near each boundary, the next double below and above each boundary, and infinity and
# NaN.
my @numbers = (qw(-1 0 1 74 1000), map { ($_ - 0.5, $_ - 0.001, $_, $_ + 0.001, $_ + 0.5) } 40, 180, 300);
my @doubles = qw(-Infinity -5e-324 5e-324 39.99999999999999 40.00000000000001 179.99999999999997 180.00000000000003 299.99999999999994
  300.00000000000006 Infinity NaN);
my $rates = join ', ', map { "('$_'::float8)" } @numbers, @doubles;
my %class = map { split /\|/ } split /\n/, $node->query("SELECT rate, heartbeat_classify(rate) FROM (VALUES $rates) r (rate)");
is(join(' ', sort keys %{ { reverse %class } }), 'BRADYCARDIA INVALID NORMAL TACHYCARDIA', 'the values have all classes');

# Tests the copies of the rule in the constraints of the tables and of their table partitions. A constraint refuses a row if the
# condition is false, but accepts a row if the condition is null.
$node->query('SELECT heartbeat_make_partitions(now(), now())');
my @constraints = map { [ split /\|/, $_, 3 ] } split /\n/, $node->query(
	"SELECT c.conrelid::regclass, CASE WHEN c.conname LIKE '%normal' THEN 'NORMAL' END, replace(pg_get_expr(c.conbin, c.conrelid), E'\\n', ' ')
	 FROM pg_constraint c WHERE c.contype = 'c' AND c.conrelid IN (SELECT relid FROM pg_partition_tree('heartbeat_records')
	                                                             UNION ALL SELECT relid FROM pg_partition_tree('heartbeat_anomalies')) ORDER BY 1, 2");
cmp_ok(scalar @constraints, '>=', 6, 'constraints of parents and table partitions are compared');
for my $constraint (@constraints)
{
	my ($table, $normal, $condition) = @$constraint;
	is( $node->query(
			"SELECT heart_rate, anomaly_type FROM (VALUES $rates) r (heart_rate),
		 (VALUES ('NORMAL' COLLATE \"C\"), ('BRADYCARDIA'), ('TACHYCARDIA'), ('INVALID')) t (anomaly_type)
		 WHERE (($condition) IS NOT FALSE) <> "
			  . ($normal ? "(heartbeat_classify(heart_rate) = 'NORMAL')" : "(heartbeat_classify(heart_rate) = anomaly_type AND anomaly_type <> 'NORMAL')")),
		'', "the constraint of $table equals the rule");
}

# Passes when a copy of the rule gives each value the same class as heartbeat_classify().
sub assert_same
{
	my ($what, $classify, @values) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join(', ', map { "$_ is $class{$_}, not " . $classify->($_) } grep { $classify->($_) ne $class{$_} } @values), '', $what);
}

# README's table has conditions such as "above 0 and below 40" or "0 or below, or above 300".
my %conditions = slurp_file("$root/README.md") =~ /^\| ([^|]+) \| `([A-Z]+)` \| `heartbeat_(?:records|anomalies)` \|$/mg;
is(scalar keys %conditions, 4, "README's table has four classes");

sub part_holds
{
	my ($part, $rate) = @_;
	return $1 <= $rate && $rate <= $2 if $part =~ /^(\d+) to (\d+)$/;
	return $rate <= $1                if $part =~ /^(?:(\d+) or below)$/ || $part =~ /^up to (\d+)$/;
	return $rate < $1                 if $part =~ /^below (\d+)$/;
	return $rate > $1                 if $part =~ /^above (\d+)$/;
	die "the test does not understand: $part";
}
sub holds
{
	my ($condition, $rate) = @_;
	for my $alternative (split /, or /, $condition)
	{
		return 1 unless grep { !part_holds($_, $rate) } split / and |, /, $alternative;
	}
	return 0;
}
assert_same("README's table equals the rule", sub { my ($rate) = @_; return join ' and ', map { $conditions{$_} } grep { holds($_, $rate) } keys %conditions }, @numbers);

# Tests the colors of the dashboard's numbers. In Grafana a color begins exactly at its threshold, but three classes of the rule
# begin just above 0, 180 and 300. So the thresholds of these three classes are a millionth higher than the boundaries of the
# rule. A heart rate between a boundary and its threshold has the color of the class below the boundary.
my %colors = ('#8F3BB8' => 'INVALID', '#3274D9' => 'BRADYCARDIA', '#56A64B' => 'NORMAL', '#E02F44' => 'TACHYCARDIA', 'transparent' => 'NORMAL');
my @scales;

sub collect
{
	my ($value) = @_;
	if (ref $value eq 'HASH')
	{
		push @scales, $value->{steps} if ref $value->{steps} eq 'ARRAY' && grep { ($_->{value} // 0) == 40 } @{ $value->{steps} };
		collect($_) for values %$value;
	}
	elsif (ref $value eq 'ARRAY') { collect($_) for @$value; }
	return;
}
collect(JSON::PP::decode_json(slurp_file("$root/grafana/provisioning/dashboards/heartbeat/heartbeats.json")));
cmp_ok(scalar @scales, '>=', 4, 'scales of the dashboard are compared');
for my $i (0 .. $#scales)
{
	my @steps  = @{ $scales[$i] };
	# omits values that the background of a diagram shows wrongly: INVALID has no color, and the color of TACHYCARDIA already
	# begins at 180
	my @values = @steps > 3 ? @numbers : grep { $_ > 0 && $_ < 300 && $_ != 180 } @numbers;
	assert_same("scale $i of the dashboard follows the rule",
		sub { my ($rate) = @_; return $colors{ (grep { !defined $_->{value} || $_->{value} <= $rate } @steps)[-1]{color} } // 'no class' }, @values);
}

# Tests the copy of the rule in the Python consumers of the benchmarks. This copy returns None for a normal reading.
my $script = 'import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import classify
for rate in sys.argv[2:]: print(rate, classify.classify(float(rate)) or "NORMAL")';
IPC::Run::run([ 'python3', '-c', $script, "$root/bench/peers", @numbers, @doubles ], '>', \my $said) or die 'python3 failed';
my %python = map { split / / } split /\n/, $said;
assert_same("the benchmarks' consumer has the rule", sub { $python{ $_[0] } }, @numbers, @doubles);

$node->assert_no_crash;
done_testing();
