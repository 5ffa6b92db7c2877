# Benchmark: compares the generator with kafka-producer-perf-test. For each layout and format, the two programs publish to the
# same broker, one after the other. Run this program through bench/generator.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(figure);

my ($messages, $rounds, $customers, $partitions) = (1_000_000, 3, 1000, 3);
GetOptions('messages=i' => \$messages, 'rounds=i' => \$rounds) && !@ARGV
  or die "usage: bench/generator [--messages N] [--rounds N]\n";

# The settings of both programs. The defaults of the two programs differ, so the benchmark sets every important property for both
# programs. The properties have the same names in both programs. Only the number of requests in flight is not set: each program
# keeps its default. The generator has at most one request in flight, because librdkafka can lose messages with more. Kafka's
# client has at most five.
my %properties = (
	'acks'               => 'all',
	'enable.idempotence' => 'true',
	'linger.ms'          => 5,
	'batch.size'         => 262144,
	'compression.type'   => 'lz4');
my @properties = map { "$_=$properties{$_}" } sort keys %properties;

my $bench = Heartbeat::Bench->new('generator', partitions => $partitions);
my $kafka = $bench->kafka;

my $template = $bench->node->basedir . '/template.json';
append_to_file($template,
	'{"key": "${customer_id}", "value": {"customer": "${customer_id}", "bpm": "${heart_rate}", "at": "${time:us}", "unit": "bpm"}}');

# The layouts and formats, with the options of the generator.
my @cases = (
	[ 'own layout'         => () ],
	[ 'template'           => (template => $template) ],
	[ 'preset open-mhealth' => (preset => 'open-mhealth') ],
	[ 'Avro'               => (template => $template, format => 'avro', 'schema-id' => 1) ],
	[ 'Protobuf'           => (template => $template, format => 'protobuf', 'schema-id' => 1) ],
	[ 'JSON Schema'        => (template => $template, format => 'json-schema', 'schema-id' => 1) ]);

# Returns a list of the first messages of a case. Messages that are not text are in hexadecimal digits.
sub sample
{
	my (%options) = @_;
	my $lines;
	IPC::Run::run([ $bench->generator(customers => $customers, interval => 0, count => 100_000, seed => 1, %options), '--dry-run' ],
		'>', \$lines, '2>', '/dev/null')
	  or die "the generator failed\n";
	return split /\n/, $lines;
}

my @own = sample();

# kafka-producer-perf-test publishes random lines of a file. For a text format these lines are messages of the generator. For
# another format each line is as long as a message of this format, and contains the beginning of a message of heartbeat's own
# layout. So the messages of both programs have the same size. But such lines of text compress better than the generator's
# messages in these formats. Returns the file, and the mean size of its lines.
sub write_payloads
{
	my ($name, %options) = @_;
	my @lines = sample(%options);
	@lines = map { substr $own[$_], 0, length($lines[$_]) / 2 } 0 .. $#lines if $options{'schema-id'};
	my $file = $bench->node->basedir . "/payloads-$name";
	append_to_file($file, join "\n", @lines, '');
	return ($file, (-s $file) / @lines - 1);
}

$bench->print_machine(sprintf "%d messages, %d customers, %d partitions; both: %s", $messages, $customers, $partitions, join ' ', @properties);

my $topics = 0;

# Lets a producer publish all messages to a new topic. Returns the output of the producer, and its CPU seconds.
sub run_producer
{
	my ($command) = @_;
	my $topic = $bench->topic . '-' . ++$topics;
	$kafka->create_topic($topic, $partitions);
	my @before = times;
	my $printed;
	IPC::Run::run([ $command->($topic) ], '<', \undef, '>', \$printed, '2>&1', IPC::Run::timeout(300)) or die "it failed:\n$printed";
	my @after = times;
	my $end   = 0;
	$end += $_ for $kafka->end_offsets($topic);
	die "$end messages of $messages in $topic\n" if $end != $messages;
	$kafka->delete_topic($topic);
	return ($printed, $after[2] + $after[3] - $before[2] - $before[3]);
}

# Returns the messages per second that the generator reports, and its CPU seconds. Each of the two programs measures its rate from
# the first message to the last acknowledgment.
sub generator_rate
{
	my (%options) = @_;
	my ($printed, $cpu) = run_producer(sub {
		my ($topic) = @_;
		return $bench->generator(topic => $topic, customers => $customers, interval => 0, count => $messages, seed => 1, X => \@properties, %options);
	});
	my ($rate) = $printed =~ qr/, ([\d.]+)\/s, errors 0, in flight 0 in [\d.]+ s, seed/ or die "it printed:\n$printed";
	return ($rate, $cpu);
}

sub perf_test_rate
{
	my ($payloads) = @_;
	my ($printed, $cpu) = run_producer(sub {
		my ($topic) = @_;
		return ("$FindBin::RealBin/../test/kafka/kafka", 'producer-perf-test', '--topic', $topic, '--num-records', $messages,
			'--payload-file', $payloads, '--throughput', -1, '--producer-props', 'bootstrap.servers=' . $kafka->brokers, @properties);
	});
	my ($rate) = $printed =~ qr/^$messages records sent, ([\d.]+) records\/sec/m or die "it printed:\n$printed";
	return ($rate, $cpu);
}

my $table = Heartbeat::Bench::Report->new([ 'bytes', '%d' ], [ 'messages/s', '%d' ], [ 'CPU s', '%.2f' ], [ 'perf-test/s', '%d' ],
	[ 'its CPU s', '%.2f' ], [ 'against perf-test', '%.2f' ]);
my %payloads = map { my ($name, %options) = @$_; ($name => [ write_payloads($name =~ tr/ /-/r, %options) ]) } @cases;
perf_test_rate($payloads{'own layout'}[0]);    # warms the broker up
for my $round (1 .. $rounds)
{
	for my $case (@cases)
	{
		my ($name, %options) = @$case;
		my ($file, $bytes) = @{ $payloads{$name} };
		my @other = perf_test_rate($file);
		my @generator = generator_rate(%options);
		$table->add($round, $name, $bytes, @generator, @other, $generator[0] / $other[0]);
	}
}
$table->print_medians;
figure("generator, $_->[0]: messages/s divided by messages/s of kafka-producer-perf-test", ($table->medians($_->[0]))[-1], '%.2f', 'higher') for @cases;
