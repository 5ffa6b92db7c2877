# Benchmark: publishes readings as producers other than heartbeat-generator do. Their messages can have another order, another
# compression, or other spaces in the JSON text. bench/throughput and bench/disk call this file.

package Heartbeat::Bench::Producer;

use strict;
use warnings;

use Carp;
use Exporter qw(import);
use List::Util qw(shuffle);
use POSIX qw(floor strftime);

our @EXPORT_OK = qw(check_producer describe_producer publish_as publish_at_interval);

my %orders = (
	own    => 'the times come from the clock',
	turn   => 'each customer has a reading every half second, the customers in turn',
	time   => 'in the order of the times, the customers at random',
	random => 'shuffled');
my %layouts      = (compact => 'as heartbeat-generator writes', spaced => 'as Python\'s json.dumps() and isoformat() write');
my @compressions = qw(none lz4 zstd gzip snappy);
my $shuffle_seed = 1;

# Returns the default options. With these options publish_as() publishes the readings as heartbeat-generator does by default.
sub defaults { return (order => 'own', compression => 'lz4', layout => 'compact'); }

# Ends the program if an option has an unknown value. The argument is a hash of `order`, `compression` and `layout`.
sub check_producer
{
	my (%opt) = @_;
	my %legal = (order => [ sort keys %orders ], compression => \@compressions, layout => [ sort keys %layouts ]);
	for my $name (sort keys %legal)
	{
		die "--$name $opt{$name}: it must be one of @{$legal{$name}}\n" unless grep { $_ eq $opt{$name} } @{ $legal{$name} };
	}
	return;
}

sub describe_producer
{
	my (%opt) = @_;
	return "order $opt{order} ($orders{$opt{order}}), compression $opt{compression}, layout $opt{layout} ($layouts{$opt{layout}})";
}

# Publishes readings. Besides `order`, `compression` and `layout`, the options are `count` and `customers`.
sub publish_as
{
	my ($bench, %opt) = @_;
	my %producer = map { $_ => delete $opt{$_} } qw(order compression layout);
	my @properties = ("compression.codec=$producer{compression}");
	return $bench->publish(%opt, X => \@properties) if $producer{order} eq 'own' && $producer{layout} eq 'compact';
	my $lines = _lines($bench, $producer{order}, %opt);
	_space($lines) if $producer{layout} eq 'spaced';
	return _publish_lines($bench, $lines, X => \@properties);
}

# Publishes readings in the order of their times. `readings` and `customers` are the numbers of readings and customers. Between two
# readings of a customer there are `interval` seconds. The last reading is a week old, so its table partition gets no further
# readings.
sub publish_at_interval
{
	my ($bench, %opt) = @_;
	my $step  = $opt{interval} / $opt{customers};
	my $start = time - 86_400 * 7 - $opt{readings} * $step;
	my @lines = map {
		my $time = $start + $_ * $step;
		sprintf qq({"customer_id":"CUST-%04d","heart_rate":%d,"event_timestamp":"%s.%06dZ"}\n), $_ % $opt{customers} + 1,
		  $_ % 20 == 7 ? 181 + $_ % 100 : 40 + $_ % 141, strftime('%Y-%m-%dT%H:%M:%S', gmtime $time), ($time - floor($time)) * 1e6;
	} 0 .. $opt{readings} - 1;
	return _publish_lines($bench, \@lines);
}

sub _publish_lines
{
	my ($bench, $lines, %opt) = @_;
	my $file = $bench->node->basedir . '/readings';
	open(my $out, '>', $file) or croak "$file: $!";
	print $out @$lines;
	close($out) or croak "$file: $!";
	$bench->publish(replay => $file, %opt);
	unlink $file or croak "$file: $!";
	return;
}

# Returns the readings that the generator simulates, in the given order. Each reading is a line.
sub _lines
{
	my ($bench, $order, %opt) = @_;
	my @start = $order eq 'own' ? () : ('start-time' => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time - 7200)));
	my @command = $bench->generator(%opt, interval => 0, seed => 1, @start);
	open(my $readings, '-|', @command, '--dry-run', '--quiet') or croak "the generator: $!";
	my @lines = <$readings>;
	close($readings) or croak 'the generator failed';
	srand($shuffle_seed);
	_exchange_customers(\@lines) if $order eq 'time';
	@lines = shuffle(@lines) if $order eq 'random';
	return \@lines;
}

# Shuffles the customers among the readings. No two readings have the same event time, so no reading becomes a duplicate.
sub _exchange_customers
{
	my ($lines) = @_;
	my @customers = shuffle(map { /"customer_id":"([^"]*)"/ ? $1 : croak "no customer: $_" } @$lines);
	for my $i (0 .. $#customers) { $lines->[$i] =~ s/"customer_id":"[^"]*"/"customer_id":"$customers[$i]"/; }
	return;
}

sub _space
{
	my ($lines) = @_;
	for (@$lines)
	{
		s/":/": /g;
		s/,"/, "/g;
		s/Z"}/+00:00"}/ or croak "unexpected line: $_";
	}
	return;
}

1;
