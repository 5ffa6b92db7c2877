# Benchmark: compares sources of each format with heartbeat's own layout. Run this program through bench/formats, which
# builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(figure print_line);

my %opt = (readings => 1_000_000, rounds => 5, python => 100_000);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV or die "usage: bench/formats [--readings N] [--rounds N] [--python N]\n";
my ($customers, $partitions, $goal) = (1000, 3, 0.9);

my $bench = Heartbeat::Bench->new('formats', partitions => $partitions, settings => { autovacuum => 'off' });
my %source = (own => $bench->of_source('default', $bench->topic));

# The generator does not read the event times from the clock: they begin at $start. So the topics of all formats have the
# same readings of the same minutes.
my $start = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time - 7200));
my %simulation = (customers => $customers, 'start-time' => $start, count => $opt{readings});
my $template = $bench->node->basedir . '/template.json';
append_to_file($template,
	'{"key": "${customer_id}", "value": {"customer": "${customer_id}", "bpm": "${heart_rate}", "at": "${time:us}", "unit": "bpm"}}');
my $mapping = '{"customer_id": "/customer", "heart_rate": "/bpm", "event_timestamp": {"at": "/at", "unit": "us"}}';

# Returns the schema that the generator derives from the template.
sub schema_of
{
	my ($format) = @_;
	my ($schema) = run_command([ $bench->generator(template => $template, format => $format), '--print-schema' ]);
	return $schema;
}

my @formats = qw(json json-schema avro protobuf);
my %type    = (avro => 'AVRO', protobuf => 'PROTOBUF');
my %schema;
$bench->publish(%simulation);
for my $i (0 .. $#formats)
{
	my ($format, $topic) = ($formats[$i], "readings-$formats[$i]");
	$bench->kafka->create_topic($topic, $partitions);
	my @id = $format eq 'json' ? () : ('schema-id' => $i);
	$bench->publish(%simulation, topic => $topic, template => $template, format => $format, @id);
	if ($type{$format})
	{
		$schema{$format} = schema_of($format);
		$bench->query("SELECT heartbeat_add_schema($i, \$schema\$$schema{$format}\$schema\$, '$type{$format}')");
	}
	$bench->query("SELECT heartbeat_add_source('$format', '$topic', format => '$format', mapping => '$mapping')");
	$source{$format} = $bench->of_source($format, $topic);
}
$bench->pause_only('default', @formats);
$bench->print_machine("$opt{readings} readings, one in a message, $customers customers, 5 % anomalies, $partitions partitions, one worker");

my @cases = ('own', @formats);
my @turns = @cases;
my $table = Heartbeat::Bench::Report->new([ 'readings/s', '%d' ], [ 'CPU s a million', '%.2f' ], [ 'main thread s a million', '%.2f' ],
	[ 'WAL B/row', '%.0f' ], [ 'memory MiB', '%.1f' ], [ 'against own', '%.2f' ]);
for my $round (1 .. $opt{rounds})
{
	push @turns, shift @turns;    # each round begins with another case
	my %drain = map { $_ => $source{$_}->drain_anew($opt{readings}) } @turns;
	for my $case (@cases)
	{
		my ($drain, $millions) = ($drain{$case}, $opt{readings} / 1e6);
		$table->add($round, $case, $opt{readings} / $drain->{seconds}, $drain->{cpu} / $millions, $drain->{main_cpu} / $millions,
			$drain->{wal} / $opt{readings}, $drain->{memory}, $drain{own}{seconds} / $drain->{seconds});
	}
}
$table->print_medians;
print_line('');
my @missed;
for my $format (sort keys %type)
{
	my $ratio = ($table->medians($format))[-1];
	print_line(sprintf '%s: %.2f of the own layout; the goal is %.2f: %s', $format, $ratio, $goal, $ratio >= $goal ? 'met' : 'missed');
	figure("formats, $format: readings/s divided by readings/s of the own layout", $ratio, '%.2f', 'higher');
	push @missed, $format if $ratio < $goal;
}

# Measures the CPU time that Python's packages fastavro and protobuf need for decoding alone.
print_line("\ndecoding alone in Python, CPU seconds a million");
for my $format (sort keys %type)
{
	my $file = $bench->node->basedir . "/schema.$format";
	append_to_file($file, $schema{$format});
	local $ENV{PYTHONPATH} = "$FindBin::RealBin/../build/test/bench-python";
	my ($seconds, $error) = run_command([ 'python3', "$FindBin::RealBin/formats.py", $format, $file, $opt{python} ]);
	print_line($seconds ne '' ? sprintf('%-8s  %.2f', $format, $seconds) : "$format: $error");
}
die "goals missed: @missed\n" if @missed;
