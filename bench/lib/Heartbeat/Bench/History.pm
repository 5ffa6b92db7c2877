# Benchmark: inserts the readings of the last days as ingest would store them. The server itself generates the readings.

package Heartbeat::Bench::History;

use strict;
use warnings;

use Carp;
use Time::HiRes qw(sleep time usleep);

use Heartbeat::Bench::Process qw(cpu_seconds);

# Each statement inserts its rows in the order of their event times, as ingest without lag does. So the indexes have the same
# structure as after ingest.
my $chunk           = 2_000_000;    # the largest number of rows of one statement
my $rollup_deadline = 3600;

# The options are the numbers of readings, customers and days of the whole history. The history ends two hours before the present.
# When the history grows, the benchmark adds earlier readings, with the same number of readings for each hour.
sub new
{
	my ($class, $bench, %opt) = @_;
	my $self = bless { bench => $bench, %opt, size => 0, rolled_up => 0 }, $class;
	$self->{end} = $bench->query("SELECT date_trunc('minute', now()) - interval '2 hours'");
	$bench->query("SELECT heartbeat_make_partitions('$self->{end}'::timestamptz - interval '$self->{days} days', now())");
	return $self;
}

# Returns the number of readings.
sub size { my ($self) = @_; return $self->{size}; }

# Returns the size of the tables and their indexes together, in MB.
sub megabytes
{
	my ($self) = @_;
	return $self->{bench}->query(q{SELECT sum(pg_total_relation_size(inhrelid)) / 1000000 FROM pg_inherits
		WHERE inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass)})
	  =~ s/\..*//r;
}

sub grow_to
{
	my ($self, $share) = @_;
	my $target = int($self->{readings} * $share);
	while ($self->{size} < $target)
	{
		my $next = $self->{size} + $chunk < $target ? $self->{size} + $chunk : $target;
		$self->_insert($self->{size}, $next);
		$self->{size} = $next;
	}
	$self->{bench}->query('VACUUM (ANALYZE) heartbeat_records, heartbeat_anomalies');
	my ($before, $cpu, $began) = ($self->{rolled_up}, $self->maintenance_cpu, time);
	$self->_mark_minutes;
	$self->await_rollup;
	$self->{rollup} = { readings => $self->{size} - $before, seconds => time - $began, cpu => $self->maintenance_cpu - $cpu };
	$self->{bench}->query('VACUUM (ANALYZE) heartbeat_rollup');
	$self->{bench}->query('CHECKPOINT');
	return;
}

# Inserts the readings with the numbers $from to $to - 1. The newest reading has the number 0. Five of a hundred readings are
# anomalies.
sub _insert
{
	my ($self, $from, $to) = @_;
	my $rows = "SELECT 'CUST-' || CASE WHEN c < 10000 THEN to_char(c, 'FM0000') ELSE c::text END AS customer_id, i,
			CASE WHEN i % 20 <> 0 THEN 40 + i % 141 WHEN i % 60 = 0 THEN 30 WHEN i % 60 = 20 THEN 200 ELSE -1 END::float8 AS rate,
			@{[ $self->_time_of('i') ]} AS event
		FROM (SELECT i, i * 7919 % $self->{customers} + 1 AS c FROM generate_series(${from}::bigint, $to - 1) i) g
		ORDER BY i DESC";
	$self->{bench}->query("SET work_mem = '512MB'; SET max_parallel_workers_per_gather = 0;
		INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
			SELECT customer_id, rate, event FROM ($rows) r WHERE heartbeat_classify(rate) = 'NORMAL';
		INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
			SELECT customer_id, rate, event, heartbeat_classify(rate) FROM ($rows) r WHERE heartbeat_classify(rate) <> 'NORMAL'");
	return;
}

# The rollup does not include the readings that grow_to() has added. So this function marks the minutes of these readings as stale.
# The maintenance worker then computes the rollup of these minutes.
sub _mark_minutes
{
	my ($self) = @_;
	my ($first, $last) = map { $self->_time_of($_) } $self->{size}, $self->{rolled_up};
	$self->{bench}->query("INSERT INTO heartbeat_stale_minutes (minute_bucket, marked_at)
		SELECT date_trunc('minute', m), now() - interval '1 hour' FROM generate_series($first, $last, interval '1 minute') m;
		SELECT heartbeat_wake_workers()") if $self->{size} > 0;
	$self->{rolled_up} = $self->{size};
	return;
}

# Returns an SQL expression: the event time of the reading with the given number.
sub _time_of
{
	my ($self, $number) = @_;
	return "('$self->{end}'::timestamptz - $number * (86400.0 * $self->{days} / $self->{readings}) * interval '1 second')";
}

# Returns the CPU seconds of the maintenance worker.
sub maintenance_cpu
{
	my ($self) = @_;
	return cpu_seconds($self->{bench}->node->worker_pid('heartbeat maintenance'));
}

# Returns the cost of the rollup of the readings that grow_to() added last: { readings, seconds, cpu }.
sub rollup { my ($self) = @_; return $self->{rollup}; }

# Waits until the rollup includes every minute.
sub await_rollup
{
	my ($self) = @_;
	my $deadline = time + $rollup_deadline;
	while ($self->{bench}->query('SELECT EXISTS (SELECT FROM heartbeat_stale_minutes)') eq 't')
	{
		croak "the rollup was not made within $rollup_deadline seconds" if time > $deadline;
		usleep(200_000);
	}
	return;
}

# Removes the readings that are newer than the history. So each measurement adds its new readings to the same history.
sub forget_recent
{
	my ($self) = @_;
	$self->{bench}->query("BEGIN; LOCK TABLE heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE; -- the rollup waits
		DELETE FROM heartbeat_records WHERE event_timestamp > '$self->{end}';
		DELETE FROM heartbeat_anomalies WHERE event_timestamp > '$self->{end}';
		DELETE FROM heartbeat_rollup WHERE minute_bucket > '$self->{end}';
		DELETE FROM heartbeat_rollup_pending;
		DELETE FROM heartbeat_stale_minutes WHERE minute_bucket > '$self->{end}'; COMMIT");
	$self->{bench}->query('VACUUM heartbeat_records, heartbeat_anomalies, heartbeat_rollup, heartbeat_rollup_pending');
	$self->{bench}->query('CHECKPOINT');
	return;
}

# Drops every week except the last week in one transaction, and measures the duration of each part of this transaction. Meanwhile
# another session inserts and reads. Returns { tables, megabytes, catalog, commit, before, meanwhile }. `catalog` is the duration
# of heartbeat_apply_retention(), and `commit` is the duration of the commit. `before` and `meanwhile` have { insert, read }: the
# duration of the other session's slowest insert, and of its slowest read. `before` is about the statements that ended before the
# transaction began, and `meanwhile` is about the later statements. All durations are in milliseconds. In the commit the server
# first releases the locks, and then removes the files. The removal takes most of the time. The function first stops the
# maintenance worker by SIGSTOP. Otherwise this worker would itself drop the weeks as soon as the function sets
# heartbeat.retention.
sub drop_weeks
{
	my ($self) = @_;
	my $bench       = $self->{bench};
	my $maintenance = $bench->node->worker_pid('heartbeat maintenance');
	kill('STOP', $maintenance);
	$bench->node->set('heartbeat.retention' => '1d');
	$bench->query('CHECKPOINT');
	$bench->query('CREATE TABLE bystander (what text, began timestamptz, ms double precision); CREATE TABLE bystander_end ()');
	my $bystander = $bench->background($self->_stand_by);
	$bench->await('count(*) > 200 FROM bystander', 'the bystander has not begun');
	my $megabytes = $self->megabytes;
	my $began = $bench->query('SELECT clock_timestamp()');
	my ($tables, $catalog, $commit) = $bench->query("BEGIN;\n\\timing on\n"
		  . "SELECT partitions_dropped FROM heartbeat_apply_retention();\nCOMMIT;") =~ /^(\d+)\nTime: ([\d.]+) ms.*\nTime: ([\d.]+) ms/m;
	sleep 1;
	$bench->query('DROP TABLE bystander_end');
	waitpid($bystander, 0);
	kill('CONT', $maintenance);
	croak 'nothing was dropped' unless $tables;
	my $longest = sub {
		my ($sign) = @_;
		return { map { split /\|/ } split /\n/, $bench->query("SELECT what, max(ms) FROM bystander
			WHERE began + ms * interval '1 ms' $sign '$began'::timestamptz GROUP BY what") };
	};
	$megabytes -= $self->megabytes;
	return { tables => $tables, megabytes => $megabytes, catalog => $catalog, commit => $commit, before => $longest->('<'), meanwhile => $longest->('>=') };
}

# Returns the statements of a session that repeatedly inserts a reading and counts a customer's readings of the last 10 minutes.
# The session ends when the table bystander_end does not exist any more.
sub _stand_by
{
	my $timed = sub {
		my ($what, $sql) = @_;
		return "began := clock_timestamp(); $sql; COMMIT;
			INSERT INTO bystander VALUES ('$what', began, extract(epoch FROM clock_timestamp() - began) * 1000); COMMIT;";
	};
	my $insert = $timed->('insert', q{INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('bystander', 70, began)});
	my $read   = $timed->('read', q{PERFORM count(*) FROM heartbeat_records WHERE customer_id = 'CUST-0007' AND event_timestamp > now() - interval '10 minutes'});
	return ('SET synchronous_commit = off', "DO \$\$ DECLARE began timestamptz; BEGIN
		WHILE to_regclass('bystander_end') IS NOT NULL LOOP $insert $read PERFORM pg_sleep(0.001); COMMIT; END LOOP; END \$\$");
}

1;
