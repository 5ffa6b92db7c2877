# Test code: measures the standstills of Kafka partitions while faults occur. A Kafka partition stands still if the following
# three conditions are true. Its leader is alive. The leader has acknowledged messages that are not stored. The stored offset
# does not change. Separate processes record the stored offsets and the leaders. When these processes have ended, this code
# computes the standstills from the offsets, the leaders and the times of the acknowledgments.

package Heartbeat::Chaos::Standstill;

use strict;
use warnings;

use Carp;
use IPC::Run ();
use List::Util qw(any max);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Utils;

my $sample_seconds = 0.1;
my $gap_seconds    = 0.5;    # if there are more seconds between two samples, the server did not answer, and this time is no standstill

my @watches;

# Options: node, kafka (a Heartbeat::Kafka::Cluster), topic.
sub start
{
	my ($class, %opt) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir('standstill');
	my $self = bless { %opt, folder => "$folder", down => {}, windows => [], pids => [] }, $class;
	push @watches, $self;
	$self->_fork(sub { $self->_sample });
	$self->{leaders_input} = $opt{kafka}->watch_leaders($opt{topic}, "$folder/leaders");
	return $self;
}

sub _fork
{
	my ($self, $do) = @_;
	my $parent = $$;
	my $pid    = fork // croak "fork: $!";
	if ($pid == 0)
	{
		setpgrp;    # a signal to this group also reaches the processes that this process starts
		eval { $do->() while getppid == $parent };
		POSIX::_exit(0);    # skips the END blocks, which would end the processes of the test
	}
	push @{ $self->{pids} }, $pid;
	return;
}

# Runs a psql that repeats the query until psql loses the connection. The caller then calls the function again.
sub _sample
{
	my ($self) = @_;
	my $query = "SELECT extract(epoch FROM clock_timestamp()), string_agg(partition || ' ' || next_offset || ' ' || next_offset - first_offset + rewound, ',')
		FROM heartbeat_offsets WHERE topic = '$self->{topic}' \\watch $sample_seconds\n";
	PostgreSQL::Test::Utils::append_to_file("$self->{folder}/query", $query) unless -e "$self->{folder}/query";
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->{node}->connstr('heartbeat') ],
		'<', "$self->{folder}/query", '>>', "$self->{folder}/samples", '2>', '/dev/null');
	usleep($sample_seconds * 1e6);
	return;
}

# The test calls down() when it kills or freezes a broker, and up() when the broker runs again. Between the two calls the broker
# counts as down.
sub down { my ($self, $id) = @_; push @{ $self->{down}{$id} }, [ time, undef ]; return; }

sub up { my ($self, $id) = @_; $self->{down}{$id}[-1][1] = time; return; }

# Adds a span of time in which a fault of this kind occurred. The caller adds no span while an earlier fault of the database can
# still delay the worker.
sub add_window { my ($self, $kind, $from, $to) = @_; push @{ $self->{windows} }, [ $kind, $from, $to ]; return; }

sub stop
{
	my ($self) = @_;
	close(delete $self->{leaders_input}) if $self->{leaders_input};
	for my $pid (splice @{ $self->{pids} })
	{
		kill('KILL', -$pid);
		waitpid($pid, 0);
	}
	return;
}

# Returns a hash: for each kind of fault, the longest standstill of a partition in seconds. After this call, moment() returns
# the partition and the time of the longest standstill.
sub longest
{
	my ($self, $next_receipt) = @_;
	my $acknowledged = $self->_acknowledged($next_receipt);
	my $leaders      = $self->_leaders;
	my (%longest, %still, $last, %passed);
	$longest{ $_->[0] } = 0 for @{ $self->{windows} };
	my $most = 0;
	my $next_sample = $self->_samples;
	while (my ($at, $partitions) = $next_sample->())
	{
		my ($window) = grep { $_->[1] <= $at && $at <= $_->[2] } @{ $self->{windows} };
		my $step     = defined $last ? $at - $last : 0;
		$last = $at;
		for my $p (keys %$partitions)
		{
			my ($next_offset, $passed) = @{ $partitions->{$p} };
			my $went_on = $passed != ($passed{$p} // -1);
			$passed{$p} = $passed;
			my $waits = $window && !$went_on && $step <= $gap_seconds
			  && $self->_leader_lives($leaders, $p, $at) && _at($acknowledged->{$p}, $at - $step) > $next_offset;
			$still{$p} = $waits ? ($still{$p} // 0) + $step : 0;
			next unless $waits && $still{$p} > $longest{ $window->[0] };
			$longest{ $window->[0] } = $still{$p};
			next unless $still{$p} > $most;
			$most = $still{$p};
			$self->{moment} = sprintf 'partition %d, until %s', $p, scalar localtime $at;
		}
	}
	return %longest;
}

# Returns the partition and the time of the longest standstill, in words.
sub moment { my ($self) = @_; return $self->{moment} // 'none'; }

sub _leader_lives
{
	my ($self, $leaders, $partition, $at) = @_;
	my $leader = (_at($leaders, $at) || [])->[$partition] // -1;
	return $leader >= 0 && !any { $_->[0] <= $at && (!defined $_->[1] || $at <= $_->[1]) } @{ $self->{down}{$leader} // [] };
}

# A series is a list of [ time, value ]. Returns the last value at or before the given time. If the given time is before the
# first time of the series, returns 0.
sub _at
{
	my ($series, $at) = @_;
	my ($low, $high) = (0, scalar @{ $series // [] });
	while ($low < $high)
	{
		my $middle = int(($low + $high) / 2);
		if ($series->[$middle][0] <= $at) { $low = $middle + 1 }
		else                              { $high = $middle }
	}
	return $low > 0 ? $series->[ $low - 1 ][1] : 0;
}

# Returns a series for each partition, with at most one value for each tenth of a second: the offset after the last message that
# Kafka has acknowledged.
sub _acknowledged
{
	my ($self, $next_receipt) = @_;
	my %series;
	while (my (undef, $partition, $offset, $at) = $next_receipt->())
	{
		my $series = $series{$partition} //= [];
		my $tenth  = (1 + int($at * 10)) / 10;
		push @$series, [ $tenth, 0 ] if !@$series || $series->[-1][0] < $tenth;
		$series->[-1][1] = max($series->[-1][1], $offset + 1);
	}
	return \%series;
}

sub _leaders
{
	my ($self) = @_;
	return [ map { my ($at, $ids) = split; [ $at, [ split /,/, $ids ] ] } split /\n/, slurp_file("$self->{folder}/leaders") ];
}

# Returns a function that reads the file of the samples. Each call of this function returns the time of the next sample, and a
# hash. The hash has two numbers for each partition: the next offset, and the number of offsets that heartbeat has passed.
sub _samples
{
	my ($self) = @_;
	open(my $samples, '<', "$self->{folder}/samples") or croak "samples: $!";
	return sub {
		while (my $line = <$samples>)
		{
			next unless $line =~ /^([\d.]+)\|([\d, ]+)$/;
			return ($1, { map { my ($p, @rest) = split; $p => \@rest } split /,/, $2 });
		}
		return;
	};
}

# The processes must end with the test.
END
{
	my $status = $?;
	$_->stop for @watches;
	$? = $status;
}

1;
