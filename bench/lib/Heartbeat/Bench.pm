# Benchmark: starts a server with heartbeat and a real Kafka, publishes a backlog, and measures how fast the worker stores this
# backlog. Ingest is paused except during a measurement.

package Heartbeat::Bench;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use List::Util qw(max sum0);
use POSIX ();
use Time::HiRes qw(time usleep);

use Heartbeat::Bench::Process qw(cpu_seconds main_thread_seconds private_memory);
use Heartbeat::Bench::Report ();
use Heartbeat::Cluster;
use Heartbeat::Kafka;

# After an interrupt, exit() runs the END blocks, which end the processes that the benchmark has started.
$SIG{INT} = $SIG{TERM} = sub { exit 1 };

my $top            = abs_path(dirname(__FILE__) . '/../../..');
my $generator      = "$top/build/generator/heartbeat-generator";
my $drain_deadline = 600;
my $sample_us      = 20_000;

# Settings of the server that suit a small machine. The caller can change them.
my %settings = (shared_buffers => '1GB', max_wal_size => '8GB', fsync => 'on');

=pod

    my $bench = Heartbeat::Bench->new('name', partitions => 3);
    $bench->publish(count => 1_000_000, customers => 1000);
    my $drain = $bench->drain(rewind => 1);     # { seconds, rows, cpu, main_cpu, broker_cpu, memory, wal }
    $bench->check_audit;

    my $second = $bench->of_source('flat', 'readings-flat');    # the same server, but the methods act only on the source flat
    my $drain  = $second->drain(rewind => 1);

Options: partitions (3), topic ('heartbeat-events'), kafka (of another benchmark), broker (properties of the broker), topic_config
(a list), settings (of the server), install_path (a copy of PostgreSQL).

=cut

sub new
{
	my ($class, $name, %opt) = @_;
	my $self = bless { topic => $opt{topic} // 'heartbeat-events' }, $class;
	$self->{kafka} = $opt{kafka};
	if (!$self->{kafka})
	{
		$self->{kafka} = Heartbeat::Kafka->new($name, %{ $opt{broker} // {} });
		$self->{kafka}->start;
		$self->{kafka}->create_topic($self->{topic}, $opt{partitions} // 3, @{ $opt{topic_config} // [] });
	}
	$self->{node} = Heartbeat::Cluster->create($name,
		kafka        => $self->{kafka},
		install_path => $opt{install_path},
		settings     => { %settings, 'heartbeat.topic' => $self->{topic}, %{ $opt{settings} // {} } });
	$self->await_running;
	$self->pause;
	return $self;
}

# Returns another benchmark of the same server and the same Kafka. The methods of this new benchmark pause, seek and drain only
# one source with its topic.
sub of_source
{
	my ($self, $source, $topic) = @_;
	return bless { %$self, source => $source, topic => $topic }, ref $self;
}

# Returns the text `source => ...`, the last argument for an SQL function, with the given separator before it. Returns '' if
# this benchmark has no source of its own.
sub _source { my ($self, $separator) = @_; return defined $self->{source} ? "${separator}source => '$self->{source}'" : ''; }

# Returns the SQL condition that selects this benchmark's rows of heartbeat_offsets.
sub _offsets
{
	my ($self) = @_;
	return "topic = \$\$$self->{topic}\$\$" . (defined $self->{source} ? " AND source = \$\$$self->{source}\$\$" : '');
}

sub node { my ($self) = @_; return $self->{node}; }

sub kafka { my ($self) = @_; return $self->{kafka}; }

sub topic { my ($self) = @_; return $self->{topic}; }

sub query { my ($self, $sql) = @_; return $self->{node}->query($sql); }

sub print_machine
{
	my ($self, $what) = @_;
	return Heartbeat::Bench::Report::print_machine($self->{node}, $self->{kafka}, $what);
}

sub await
{
	my ($self, $condition, $what) = @_;
	$self->{node}->poll_query_until('heartbeat', "SELECT $condition") or croak "$what\n";
	return;
}

sub await_running
{
	my ($self) = @_;
	return $self->await("state IN ('RUNNING', 'PAUSED') FROM heartbeat_status", 'the worker does not run');
}

sub pause { my ($self) = @_; $self->query("SELECT heartbeat_pause('bench'" . $self->_source(', ') . ')'); return; }

# Resumes all sources, and then pauses only the given sources.
sub pause_only
{
	my ($self, @sources) = @_;
	$self->query(join '', 'BEGIN; SELECT heartbeat_resume();', (map { "SELECT heartbeat_pause('bench', source => '$_');" } @sources), 'COMMIT');
	return;
}

# Changes settings and restarts the server. Use this function for settings that need a restart, or to start a new worker.
sub restart
{
	my ($self, %changes) = @_;
	$self->{node}->safe_psql('postgres', "ALTER SYSTEM SET $_ = '$changes{$_}'") for sort keys %changes;
	$self->{topic} = $changes{'heartbeat.topic'} // $self->{topic};
	$self->{node}->restart;
	return $self->await_running;
}

# Returns the command of the generator. The options of this function have the names of the generator's options, without the
# dashes. The option X is a reference to a list: each element becomes an option -X PROPERTY=VALUE.
sub generator
{
	my ($self, %opt) = @_;
	my @properties = map { ('-X', $_) } @{ delete $opt{X} // [] };
	$opt{topic} //= $self->{topic};
	return ($generator, '-b', $self->{kafka}->brokers, @properties, map { ("--$_", $opt{$_}) } sort keys %opt);
}

# Publishes readings: as fast as possible, or at the rate that the option `rate` gives.
sub publish
{
	my ($self, %opt) = @_;
	my @interval = $opt{rate} ? () : (interval => 0);
	system($self->generator(@interval, seed => 1, %opt), '--quiet') == 0 or croak "the generator failed\n";
	return;
}

# Empties the tables. bench/compare also runs an older version, so the function skips tables that the installed version does not
# have.
sub empty_tables
{
	my ($self) = @_;
	my $tables = $self->query(q{SELECT string_agg(t, ', ') FROM unnest(ARRAY['heartbeat_records', 'heartbeat_anomalies',
		'heartbeat_rollup', 'heartbeat_rollup_pending', 'heartbeat_stale_minutes']) t WHERE to_regclass(t) IS NOT NULL});
	for my $try (1 .. 10) { last if eval { $self->query("TRUNCATE $tables"); 1 } || $try == 10 && die $@; }    # TRUNCATE can deadlock with the rollup
	$self->query('CHECKPOINT');
	return;
}

# Seeks to the beginning of the topic.
sub rewind
{
	my ($self) = @_;
	my @offsets = $self->{kafka}->first_offsets($self->{topic});
	$self->query("SELECT heartbeat_seek($_, $offsets[$_]" . $self->_source(', ') . ')') for 0 .. $#offsets;
	return;
}

sub position
{
	my ($self) = @_;
	return $self->query('SELECT coalesce(sum(next_offset), 0) FROM heartbeat_offsets WHERE ' . $self->_offsets);
}

sub wal_position { my ($self) = @_; return $self->query("SELECT pg_current_wal_insert_lsn() - '0/0'"); }

# Runs a query repeatedly, and returns the milliseconds of each run after the first run. psql measures these times, so the times
# include the transfer of the rows.
sub query_ms
{
	my ($self, $sql, $times) = @_;
	my ($first, @ms) = $self->query("\\timing on\n" . "$sql \\g /dev/null\n" x ($times + 1)) =~ /^Time: ([\d.]+) ms/mg;
	return @ms;
}

# Waits until the rollup includes all stored readings.
sub await_rollup
{
	my ($self) = @_;
	return $self->await('NOT EXISTS (SELECT FROM heartbeat_stale_minutes) AND NOT EXISTS (SELECT FROM heartbeat_rollup_pending)',
		'the rollup is not complete');
}

# Waits until the whole topic is stored. Ingest must be running.
sub await_end
{
	my ($self) = @_;
	my $end = sum0($self->{kafka}->end_offsets($self->{topic}));
	return $self->await("coalesce(sum(next_offset), 0) >= $end FROM heartbeat_offsets WHERE " . $self->_offsets,
		'the topic was not read to its end');
}

# Lets ingest run until the whole topic is stored, pauses ingest again, and returns the measurements. If rewind => 1 is given,
# ingest starts at the topic's beginning. If sample => sub { ... } is given, drain() calls this function every 20 ms with the
# workers' process ids. The values of the options `watch` and `report` are SQL. drain() runs the statement `watch` every 5 ms
# until the whole topic is stored. Then drain() runs the query `report`, and answers() returns its result. If start => 1 is given,
# drain() also measures the time until the first batch: it looks for the oldest row. So for this option the tables must be empty.
sub drain
{
	my ($self, %opt) = @_;
	$self->pause;
	$self->rewind if $opt{rewind};
	my $end     = sum0($self->{kafka}->end_offsets($self->{topic}));
	my @workers = $self->{node}->worker_pids('heartbeat worker');
	my $before  = { position => $self->position, wal => $self->wal_position, $self->_cpu(@workers) };
	my $began   = time;
	my $memory  = $self->_wait_for_end($end, \@workers, %opt);
	my $seconds = time - $began;
	my %cpu     = $self->_cpu(@workers);
	my $wal     = $self->wal_position - $before->{wal};
	my $start   = $opt{start} ? $self->_start_seconds : undef;
	$self->pause;
	return {
		start   => $start,
		seconds => $seconds,
		rows    => $end - $before->{position},
		memory  => $memory,
		wal     => $wal,
		map { $_ => $cpu{$_} - $before->{$_} } keys %cpu
	};
}

sub _start_seconds
{
	my ($self) = @_;
	return $self->query('SELECT extract(epoch FROM min(ingested_at) - (SELECT changed_at FROM heartbeat_control)) FROM heartbeat_records');
}

# Drains the source's topic from its beginning into empty tables, and checks the number of rows.
sub drain_anew
{
	my ($self, $rows) = @_;
	$self->empty_tables;
	my $drain = $self->drain(rewind => 1);
	$self->check_audit($rows);
	return $drain;
}

# Resumes ingest, waits until the whole topic is stored, and returns the highest private memory of a worker. A client that queries
# the offsets repeatedly would use more CPU time. So a loop inside the server queries the offsets.
sub _wait_for_end
{
	my ($self, $end, $workers, %opt) = @_;
	my $watch  = $opt{watch} // '';
	my $waiter = $self->background(
		$opt{prepare} // (),
		'SELECT heartbeat_resume(' . $self->_source('') . ')',
		"DO 'BEGIN WHILE (SELECT coalesce(sum(next_offset), 0) FROM heartbeat_offsets WHERE @{[ $self->_offsets ]}) < $end
			LOOP $watch COMMIT; PERFORM pg_sleep(0.005); END LOOP; END'",
		$opt{report} // ());
	my ($memory, $deadline) = (0, time + $drain_deadline);
	while (waitpid($waiter, POSIX::WNOHANG()) == 0)
	{
		die "not drained within $drain_deadline seconds\n" if time > $deadline;
		$memory = max($memory, map { private_memory($_) } @$workers);
		$opt{sample}->(@$workers) if $opt{sample};
		usleep($sample_us);
	}
	die "the topic was not drained\n" if $?;
	return $memory;
}

# Starts psql, which runs the statements in a new session, and returns the process id of psql at once. When psql has ended,
# answers() returns the results of the statements.
sub background
{
	my ($self, @statements) = @_;
	my $pid = fork // croak "fork: $!";
	return $pid if $pid;
	exec('psql', '-XAtq', '-o', $self->_answers_file, '-v', 'ON_ERROR_STOP=1', '-d', $self->{node}->connstr('heartbeat'),
		map { ('-c', $_) } @statements)
	  or POSIX::_exit(1);
}

sub answers { my ($self) = @_; return PostgreSQL::Test::Utils::slurp_file($self->_answers_file); }

sub _answers_file { my ($self) = @_; return $self->{node}->basedir . '/answers'; }

sub _cpu
{
	my ($self, @workers) = @_;
	return (
		cpu        => cpu_seconds(@workers),
		main_cpu   => main_thread_seconds(@workers),
		broker_cpu => cpu_seconds($self->{kafka}->pid));
}

# Ends the program if a reading was lost or counted twice. The caller can also give the number of rows. The function then ends
# the program if the tables have more or fewer rows.
sub check_audit
{
	my ($self, $expected) = @_;
	my $differences = $self->query('SELECT count(*) FROM heartbeat_audit() WHERE difference IS DISTINCT FROM 0');
	die "the audit shows $differences differences\n" if $differences;
	return unless defined $expected;
	my $rows = $self->query('SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)');
	die "$rows rows, not $expected\n" if $rows != $expected;
	return;
}

1;
