# Benchmark: prints the output of a command: the machine, a table of rounds, and the median of each case.

package Heartbeat::Bench::Report;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT_OK = qw(figure print_line print_machine median percentile);

# The test library redirects standard output to its log. This handle of Test::More still writes to the original standard
# output.
my $out = Test::More->builder->output;

sub print_line { print $out @_, "\n"; return; }

# Writes a figure of the benchmark to a file, which bench/all reads for its table. $better is 'higher' or 'lower'. $format is
# for sprintf().
sub figure
{
	my ($name, $value, $format, $better) = @_;
	mkdir $ENV{BENCH_OUT};
	append_to_file("$ENV{BENCH_OUT}/figures.tsv", sprintf "%s\t$format\t%s\n", $name, $value, $better);
	return;
}

sub percentile
{
	my ($share, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;
	return $sorted[ max(0, POSIX::ceil($share * @sorted) - 1) ];
}

sub median { return percentile(0.5, @_); }

# Prints the machine, the versions and the load, and then the subject of the measurement.
sub print_machine
{
	my ($node, $kafka, $what) = @_;
	my ($cpu)    = slurp_file('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
	my ($memory) = slurp_file('/proc/meminfo') =~ /^MemTotal:\s*(\d+)/m;
	my ($load)   = split ' ', slurp_file('/proc/loadavg');
	my $cores    = () = slurp_file('/proc/cpuinfo') =~ /^processor\s*:/mg;
	print_line(sprintf '%s, %d cores, %.0f GiB; load %s at %s',
		$cpu // 'unknown', $cores, $memory / 2**20, $load, POSIX::strftime('%Y-%m-%d %H:%M UTC', gmtime));
	print_line(sprintf 'PostgreSQL %s, Kafka %s, librdkafka %s, heartbeat %s', $node->query('SHOW server_version'),
		$kafka->version, $ENV{BENCH_RDKAFKA} // 'unknown', $ENV{BENCH_COMMIT} // 'unknown');
	print_line($what);
	print_line('');
	return;
}

=pod

    my $table = Heartbeat::Bench::Report->new([ 'worker rows/s', '%d' ], [ 'ratio', '%.2f' ]);
    $table->add(1, 'two workers', 250_000, 1.2);     # round, case, values; prints the line
    my ($rate, $ratio) = $table->medians('two workers');
    $table->print_medians;

=cut

sub new
{
	my ($class, @columns) = @_;
	my $self = bless { columns => \@columns, cases => [], values => {} }, $class;
	return $self;
}

sub add
{
	my ($self, $round, $case, @values) = @_;
	$self->_print_head unless @{ $self->{cases} };
	push @{ $self->{cases} }, $case unless $self->{values}{$case};
	push @{ $self->{values}{$case} }, \@values;
	$self->_print_row($round, $case, @values);
	return;
}

# Returns the median of each column over the rounds of a case.
sub medians
{
	my ($self, $case) = @_;
	my $rows = $self->{values}{$case};
	return map {
		my $column = $_;
		median(map { $_->[$column] } @$rows)
	} 0 .. $#{ $self->{columns} };
}

sub print_medians
{
	my ($self) = @_;
	$self->_print_row('median', $_, $self->medians($_)) for @{ $self->{cases} };
	return;
}

sub _print_head
{
	my ($self) = @_;
	print_line(sprintf('%-7s %-28s', 'round', ''), map { sprintf ' %*s', _width($_), $_->[0] } @{ $self->{columns} });
	return;
}

sub _print_row
{
	my ($self, $round, $case, @values) = @_;
	my @columns = @{ $self->{columns} };
	print_line(sprintf('%-7s %-28s', $round, $case),
		map { sprintf ' %*s', _width($columns[$_]), sprintf($columns[$_][1], $values[$_]) } 0 .. $#columns);
	return;
}

sub _width { my ($column) = @_; return max(9, length $column->[0]); }

1;
