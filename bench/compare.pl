# Benchmark: compares two versions of the extension. In each round the worker of one version stores all messages of a topic, and
# then the worker of the other version stores the same messages. Run this program through bench/compare, which builds the two
# versions.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(figure);

my %opt = (readings => 1_000_000, rounds => 5);
GetOptions(\%opt, 'readings=i', 'rounds=i', 'earlier=s', 'now=s', 'commit=s') && !@ARGV
  or die "usage: bench/compare COMMIT [--readings N] [--rounds N]\n";
my ($customers, $partitions) = (1000, 3);

my $now  = Heartbeat::Bench->new('now', partitions => $partitions, install_path => $opt{now});
my $earlier = Heartbeat::Bench->new('earlier', kafka => $now->kafka, install_path => $opt{earlier});
$now->publish(count => $opt{readings}, customers => $customers);
$now->print_machine("$opt{readings} readings, $customers customers, 5 % anomalies, $partitions partitions, one worker; against $opt{commit}");

my $table = Heartbeat::Bench::Report->new([ 'rows/s', '%d' ], [ 'CPU s', '%.2f' ], [ 'main thread s', '%.2f' ],
	[ 'WAL B/row', '%.0f' ], [ 'memory MiB', '%.1f' ], [ 'against earlier', '%.2f' ]);

sub measure
{
	my ($bench) = @_;
	$bench->empty_tables;
	my $drain = $bench->drain(rewind => 1);
	$bench->check_audit($opt{readings});
	$bench->empty_tables;    # so the maintenance worker of this version has no work while the benchmark measures the other version
	return $drain;
}

for my $round (1 .. $opt{rounds})
{
	# the version that is first in one round is second in the next round
	my %drain;
	$drain{$_} = measure($_ eq 'earlier' ? $earlier : $now) for $round % 2 ? qw(earlier now) : qw(now earlier);
	$table->add($round, $_, $opt{readings} / $drain{$_}{seconds}, @{ $drain{$_} }{qw(cpu main_cpu)},
		$drain{$_}{wal} / $opt{readings}, $drain{$_}{memory}, $drain{earlier}{seconds} / $drain{$_}{seconds})
	  for qw(earlier now);
}
$table->print_medians;
figure('compare: rows/s divided by rows/s of the earlier commit', ($table->medians('now'))[-1], '%.2f', 'higher');
