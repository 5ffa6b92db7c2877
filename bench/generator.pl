# Benchmark: the generator and kafka-producer-perf-test publish to the same broker in turn. Run it through bench/generator.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(cpu_seconds);
use Heartbeat::Bench::Report qw(figure);

my ($messages, $rounds, $customers, $partitions) = (2_000_000, 3, 1000, 3);
GetOptions('messages=i' => \$messages, 'rounds=i' => \$rounds) && !@ARGV
  or die "usage: bench/generator [--messages N] [--rounds N]\n";

# The settings of both programs. The defaults of the two programs differ, so the benchmark sets every important property for both
# programs. The properties have the same names in both programs.
my %properties = (
	'acks'                                  => 'all',
	'enable.idempotence'                    => 'true',
	'linger.ms'                             => 5,
	'batch.size'                            => 262144,
	'compression.type'                      => 'lz4',
	'max.in.flight.requests.per.connection' => 5);
my @properties = map { "$_=$properties{$_}" } sort keys %properties;

my $bench = Heartbeat::Bench->new('generator', partitions => $partitions);
my $kafka = $bench->kafka;

# kafka-producer-perf-test publishes random lines of a file. The generator has made these lines, so the messages of both programs
# have the same size and compress equally well.
my $payloads = $bench->node->basedir . '/payloads';
IPC::Run::run([ $bench->generator(customers => $customers, interval => 0, count => 100_000, seed => 1), '--dry-run' ],
	'>', $payloads, '2>', '/dev/null')
  or die "the generator failed\n";
$bench->print_machine(sprintf "%d messages of %.1f bytes, %d customers, %d partitions; both: %s",
	$messages, (-s $payloads) / 100_000 - 1, $customers, $partitions, join ' ', @properties);

# Lets a producer publish all messages to a new topic. Returns the output of the producer, and the CPU seconds of the producer and
# of the broker.
my $topics = 0;

sub run_producer
{
	my ($command) = @_;
	my $topic = $bench->topic . '-' . ++$topics;
	$kafka->create_topic($topic, $partitions);
	my ($broker, @before) = (cpu_seconds($kafka->pid), times);
	my $printed;
	IPC::Run::run([ $command->($topic) ], '<', \undef, '>', \$printed, '2>&1') or die "it failed:\n$printed";
	my @after = times;
	my $end   = 0;
	$end += $_ for $kafka->end_offsets($topic);
	die "$end messages of $messages in $topic\n" if $end != $messages;
	my $cpu_of_broker = cpu_seconds($kafka->pid) - $broker;
	$kafka->delete_topic($topic);
	return ($printed, $after[2] + $after[3] - $before[2] - $before[3], $cpu_of_broker);
}

# Both programs measure the time from the first message to the last acknowledgement.
my %producers = (
	'heartbeat-generator' => {
		command => sub {
			my ($topic) = @_;
			return $bench->generator(topic => $topic, customers => $customers, interval => 0, count => $messages, seed => 1,
				X => \@properties);
		},
		rate => qr/, ([\d.]+)\/s, errors 0, in flight 0 in [\d.]+ s, seed/
	},
	'producer-perf-test' => {
		command => sub {
			my ($topic) = @_;
			return ("$FindBin::RealBin/../test/kafka/kafka", 'producer-perf-test', '--topic', $topic, '--num-records', $messages,
				'--payload-file', $payloads, '--throughput', -1, '--producer-props', 'bootstrap.servers=' . $kafka->brokers,
				@properties);
		},
		rate => qr/^$messages records sent, ([\d.]+) records\/sec/m
	});

my $table = Heartbeat::Bench::Report->new([ 'messages/s', '%d' ], [ 'CPU s', '%.2f' ], [ 'broker CPU s', '%.2f' ],
	[ 'against perf-test', '%.2f' ]);
for my $round (1 .. $rounds)
{
	my $other;
	for my $name ('producer-perf-test', 'heartbeat-generator')
	{
		my $producer = $producers{$name};
		my ($printed, @cpu) = run_producer($producer->{command});
		my ($rate) = $printed =~ $producer->{rate} or die "it printed:\n$printed";
		$other //= $rate;
		$table->add($round, $name, $rate, @cpu, $rate / $other);
	}
}
$table->print_medians;
figure('generator: messages/s against kafka-producer-perf-test', ($table->medians('heartbeat-generator'))[-1], '%.2f', 'higher');
