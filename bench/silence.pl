# Benchmark: measures the cost of a silence rule, for ingest and for the evaluation of the rule. Run this program through
# bench/silence, which builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(figure print_line);

my ($readings, $customers, $rounds) = (1_000_000, 10_000, 3);
GetOptions('readings=i' => \$readings, 'customers=i' => \$customers, 'rounds=i' => \$rounds) && !@ARGV
  or die "usage: bench/silence [--readings N] [--customers N] [--rounds N]\n";

my $bench = Heartbeat::Bench->new('silence');
$bench->publish(count => $readings, customers => $customers);
$bench->print_machine("$readings readings, $customers customers, one worker");

# Each case has a statement that prepares the case, and a statement that restores the database. In the case
# `without notes`, heartbeat_arrivals has another name: the workers do not find the table, so they record no arrivals. If there is
# no silence rule, a worker records at most one arrival of a customer in a minute. If the period of the rule is 10 seconds, the
# worker records at most one arrival of a customer in two seconds.
my $rule  = "INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('silent', 'silence', '10 seconds')";
my %cases = (
	'without notes'    => [ 'ALTER TABLE heartbeat_arrivals RENAME TO notes', 'ALTER TABLE notes RENAME TO heartbeat_arrivals' ],
	'of a minute'      => [ 'SELECT', 'SELECT' ],
	'of two seconds'   => [ $rule, 'DELETE FROM heartbeat_alert_rules' ]);
my $table = Heartbeat::Bench::Report->new([ 'rows/s', '%d' ], [ 'main thread s', '%.2f' ], [ 'WAL B/row', '%.0f' ]);
for my $round (1 .. $rounds)
{
	for my $case (sort keys %cases)
	{
		$bench->empty_tables;
		$bench->query('DELETE FROM heartbeat_arrivals; TRUNCATE heartbeat_customers, heartbeat_customers_total');
		$bench->query($cases{$case}[0]);
		$bench->restart;    # a new worker has not recorded the arrival of any customer yet
		my $drain = $bench->drain(rewind => 1);
		$bench->query($cases{$case}[1]);
		$table->add($round, $case, $readings / $drain->{seconds}, $drain->{main_cpu}, $drain->{wal} / $readings);
	}
	$bench->check_audit($readings);
}
$table->print_medians;
figure('silence: CPU seconds of the thread that stores batches, divided by the seconds without notes',
	($table->medians('of a minute'))[1] / ($table->medians('without notes'))[1], '%.2f', 'lower');

# Evaluates the rule in parts of 10,000 customers, as the maintenance worker does.
sub evaluation
{
	my ($what, $heard) = @_;
	$bench->query("UPDATE heartbeat_customers SET heard_until = $heard");
	$bench->query('VACUUM ANALYZE heartbeat_customers');
	my $scans  = q{SELECT coalesce(sum(seq_scan + idx_scan), 0) FROM pg_stat_xact_user_tables WHERE relname ~ '^heartbeat_(records|anomalies)'};
	my $answer = $bench->query("BEGIN; CREATE TEMP TABLE began AS SELECT clock_timestamp() AS at;
		DO \$\$ DECLARE after text := ''; BEGIN LOOP SELECT next_customer INTO after FROM heartbeat_update_alerts(after, true); EXIT WHEN after IS NULL; END LOOP; END \$\$;
		SELECT round(1000 * extract(epoch FROM clock_timestamp() - at)::numeric, 1) FROM began; $scans; ROLLBACK");
	my ($ms, $read) = split /\n/, $answer;
	print_line(sprintf '%s of %d customers %s: %s ms, %d scans of the tables of readings', 'an evaluation', $customers, $what, $ms, $read);
	return;
}
$bench->query($rule);
evaluation('who were all heard', "now() + interval '1 hour'");
evaluation('who are all silent', "now() - interval '1 minute'");
