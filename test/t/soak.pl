# Test code: the long form of 020_chaos.t. This program injects faults for as long as you want, and prints a line for each
# fault. script/soak builds the programs that it needs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Getopt::Long;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Chaos;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Kafka::Cluster;

my %opt = (minutes => 10, seed => int(time) % 100_000, faults => 1_000_000, rate => 1_000, partitions => 5, workers => 3, brokers => 1, padding => 0);
if (!GetOptions(\%opt, 'minutes=f', 'seed=i', 'faults=i', 'rate=i', 'partitions=i', 'workers=i', 'brokers=i', 'padding=i') || @ARGV || $opt{partitions} < 2 || $opt{workers} < 2 || $opt{brokers} < 1 || $opt{brokers} == 2)
{
	print { Test::More->builder->failure_output } "wrong options; see script/soak --help\n";
	exit 2;
}

# The test library writes notes to standard output. To keep these notes out of the output of this program, they go to /dev/null.
my $out = Test::More->builder->output;
Test::More->builder->output('/dev/null');
sub print_line { print $out @_, "\n"; return; }

# An interrupt must also end the processes that this program has started.
$SIG{INT} = $SIG{TERM} = sub { exit 1 };

my $topic = 'heartbeat-events';
my $kafka = $opt{brokers} > 1 ? Heartbeat::Kafka::Cluster->new('soak', brokers => $opt{brokers}) : Heartbeat::Kafka->new('soak');
$kafka->start;
my $node  = Heartbeat::Cluster->create('soak', kafka => $kafka, settings => { 'heartbeat.workers' => $opt{workers} });
my $chaos = Heartbeat::Chaos->new(node => $node, kafka => $kafka, topic => $topic, map { $_ => $opt{$_} } qw(seed rate partitions workers padding));

$chaos->create_topic;

print_line("Seed $opt{seed}: $opt{rate} messages a second over $opt{partitions} partitions, up to $opt{workers} workers, PostgreSQL ",
	$node->query('SHOW server_version'), ', Kafka ', $kafka->version, ", $opt{brokers} broker", $opt{brokers} > 1 ? 's.' : '.');
print_line('Each line: when the fault began; the state and the number of passed offsets after the fault; the time from the end of the fault');
print_line("until a message is stored, and until a message of each partition is stored; the fault.\n");
$chaos->start;
my ($began, $failed) = (time, 0);
until ($failed || time > $began + 60 * $opt{minutes} || $chaos->faults_struck >= $opt{faults})
{
	my $event = $chaos->strike;
	print_line($chaos->line($event));
	$failed = 1 if @{ $event->{problems} };
}
my $seconds = time - $began;

my @proofs = $chaos->proofs;
$failed = 1 if grep { $_->{difference} ne '' } @proofs;
print_line("\n" . $chaos->summary);
print_line(sprintf '%d faults in %.1f minutes, seed %d', $chaos->faults_struck, $seconds / 60, $opt{seed});
print_line('Longest standstill: ', $chaos->standstill_in_words) if $opt{brokers} > 1;
print_line($chaos->composition . "\n") unless $failed;
print_line($_->{difference} eq '' ? "holds   $_->{claim}" : "FAILED  $_->{claim}: $_->{difference}") for @proofs;
$node->show_state if $failed;
exit $failed;
