# Test code: injects the faults of a plan into a server and its Kafka, one after the other. A second fault can occur while the
# first fault lasts. The function of each fault returns the time when the fault was over: the recovery begins at this time. The
# kill of a process is over at once. The stop of a server or broker is over when it answers again. A lock, a pause or a freeze
# of a broker is over when the function ends it.

package Heartbeat::Chaos::Faults;

use strict;
use warnings;

use Carp;
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Utils;
use Heartbeat::Poll;

my $deadline_seconds = 120;

# Options: node, kafka, topic. Before and after each fault the server answers queries.
sub new
{
	my ($class, %opt) = @_;
	return bless { %opt, broken_promises => [] }, $class;
}

# Returns the time at which the fault was over.
sub strike
{
	my ($self, $fault) = @_;
	my $method = "_$fault->{kind}";
	return $self->$method($fault);
}

# Returns texts about the guarantees that heartbeat has broken since the last call.
sub broken_promises { my ($self) = @_; return splice @{ $self->{broken_promises} }; }

# Runs a query, and returns its result. If a restart of the server interrupts the query, runs the query again.
sub ask
{
	my ($self, $sql) = @_;
	my $deadline = time + $deadline_seconds;
	my $poll     = Heartbeat::Poll->new;
	while (1)
	{
		my ($answer, $error);
		return $answer if $self->{node}->psql('heartbeat', $sql, stdout => \$answer, stderr => \$error) == 0;
		croak "no answer to $sql: $error" if time > $deadline;
		$poll->pause;
	}
}

# Waits as long as a fault must last. If the plan has a second fault for this time, the function injects it.
sub _last
{
	my ($self, $fault) = @_;
	my $end = time + $fault->{hold};
	$self->strike($fault->{meanwhile}) if $fault->{meanwhile};
	my $left = $end - time;
	usleep($left * 1e6) if $left > 0;
	return;
}

#
# The server's processes
#

sub _worker_killed { my ($self, $fault) = @_; return $self->{node}->kill_worker('heartbeat worker', $fault->{which}); }

sub _maintenance_killed { my ($self) = @_; return $self->{node}->kill_worker('heartbeat maintenance'); }

sub _launcher_killed { my ($self) = @_; return $self->{node}->kill_worker('heartbeat launcher'); }

# Calls pg_cancel_backend() or pg_terminate_backend() for a process.
sub _signal
{
	my ($self, $function, $type, $which) = @_;
	my $pid  = $self->{node}->worker_pid($type, $which);
	my $over = time;
	$self->ask("SELECT $function($pid)");
	return ($over, $pid);
}

sub _terminate
{
	my ($self, $type, $which) = @_;
	my ($over, $pid) = $self->_signal('pg_terminate_backend', $type, $which);
	my $deadline = time + $deadline_seconds;
	while (-d "/proc/$pid")
	{
		croak "$type $pid does not end" if time > $deadline;
		usleep(5_000);
	}
	return $over;
}

sub _worker_terminated { my ($self, $fault) = @_; return $self->_terminate('heartbeat worker', $fault->{which}); }

sub _helper_terminated { my ($self, $fault) = @_; return $self->_terminate("heartbeat $fault->{helper}"); }

sub _worker_cancelled
{
	my ($self, $fault) = @_;
	return ($self->_signal('pg_cancel_backend', 'heartbeat worker', $fault->{which}))[0];
}

sub _helper_cancelled { my ($self, $fault) = @_; return ($self->_signal('pg_cancel_backend', "heartbeat $fault->{helper}"))[0]; }

#
# The server
#

# Sets heartbeat.workers. The new value takes effect at the next start of the server.
sub _set_workers
{
	my ($self, $fault) = @_;
	$self->{node}->safe_psql('postgres', "ALTER SYSTEM SET heartbeat.workers = $fault->{workers}") if $fault->{workers};
	return;
}

sub _server_stopped
{
	my ($self, $fault) = @_;
	$self->_set_workers($fault);
	$self->{node}->stop('immediate');
	$self->{node}->start;
	return time;
}

sub _server_restarted
{
	my ($self, $fault) = @_;
	$self->_set_workers($fault);
	$self->{node}->restart;
	return time;
}

# Kills only the postmaster. Its children must notice this and end, because a new server cannot start before the last child has
# ended.
sub _postmaster_killed
{
	my ($self, $fault) = @_;
	my $node = $self->{node};
	$self->_set_workers($fault);
	my ($pid)    = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = split ' ', slurp_file("/proc/$pid/task/$pid/children");
	$node->kill9;
	my $deadline = time + $deadline_seconds;
	while (my @left = grep { -d "/proc/$_" } $pid, @children)
	{
		croak "the server's processes @left outlive it" if time > $deadline;
		usleep(10_000);
	}
	$node->start;
	return time;
}

sub _settings_reloaded
{
	my ($self, $fault) = @_;
	my $over = time;
	$self->{node}->set(map { ("heartbeat.$_" => $fault->{$_}) } qw(batch_size batch_wait));
	return $over;
}

#
# The broker
#

sub _broker_killed
{
	my ($self, $fault) = @_;
	$self->{kafka}->kill9;
	$self->_last($fault);
	$self->{kafka}->start;
	return time;
}

sub _broker_restarted { my ($self) = @_; $self->{kafka}->restart; return time; }

sub _broker_frozen
{
	my ($self, $fault) = @_;
	$self->{kafka}->freeze;
	$self->_last($fault);
	$self->{kafka}->thaw;
	return time;
}

#
# People
#

my $rows = 'SELECT (SELECT count(*) FROM heartbeat_records), (SELECT count(*) FROM heartbeat_anomalies),
	(SELECT count(*) FROM heartbeat_dead_letters), (SELECT string_agg(next_offset::text, \' \' ORDER BY partition) FROM heartbeat_offsets)';

# Runs a function while ingest is paused, and checks the guarantee of a pause: no row is added, and no offset moves.
sub _while_paused
{
	my ($self, $fault, $do) = @_;
	$self->ask("SELECT heartbeat_pause('chaos')");
	my $before = $self->ask($rows);
	$self->_last($fault);
	my $after = $self->ask($rows);
	push @{ $self->{broken_promises} }, "a pause changed $before to $after" if $before ne $after;
	$do->() if $do;
	$self->ask('SELECT heartbeat_resume()');
	return time;
}

sub _paused { my ($self, $fault) = @_; return $self->_while_paused($fault); }

sub _seek_back
{
	my ($fault) = @_;
	return "SELECT heartbeat_seek(partition, greatest(next_offset - $fault->{back}, first_offset))
		FROM heartbeat_offsets WHERE partition = $fault->{partition}";
}

# A seek by time moves all partitions to the same time. An earlier seek may have moved a partition to an earlier time. The seek
# by time would then skip messages of this partition, so the statement fails and changes nothing.
sub _seek_back_by_time
{
	my ($fault) = @_;
	return "DO \$do\$ BEGIN
		IF EXISTS (SELECT FROM heartbeat_seek((SELECT min(last_message_at) - interval '$fault->{back} ms' FROM heartbeat_offsets)) s
			WHERE s.new_offset > s.previous_offset) THEN RAISE EXCEPTION 'messages would be skipped'; END IF; END \$do\$";
}

sub _replayed
{
	my ($self, $fault) = @_;
	return $self->_while_paused(
		$fault,
		sub {
			return if $fault->{by_time} && $self->{node}->psql('heartbeat', _seek_back_by_time($fault)) == 0;
			$self->ask(_seek_back($fault));
		});
}

# The transaction with the seek stays open. A worker that stores a batch waits for the end of this transaction, and must then
# notice that its stored offset has changed.
sub _replayed_under_batch
{
	my ($self, $fault) = @_;
	$self->ask(join ";\n", 'BEGIN', "SELECT heartbeat_pause('chaos')", _seek_back($fault), 'SELECT heartbeat_resume()',
		"SELECT pg_sleep($fault->{hold})", 'COMMIT');
	return time;
}

# Changes an offset like a second writer, and wakes no worker. The worker can notice the change only because its UPDATE compares
# the offset with the expected offset.
sub _moved_by_another
{
	my ($self, $fault) = @_;
	$self->ask("BEGIN;
		UPDATE heartbeat_offsets SET next_offset = greatest(next_offset - $fault->{back}, first_offset),
			rewound = rewound + least($fault->{back}, next_offset - first_offset) WHERE partition = $fault->{partition};
		SELECT pg_sleep($fault->{hold}); COMMIT");
	return time;
}

# A user's lock stops a worker in the middle of a batch. If the server restarts meanwhile, the lock ends early.
sub _locked
{
	my ($self, $fault) = @_;
	my $user = $self->{node}->background_psql('heartbeat');
	$user->query_safe('BEGIN');
	$user->query_safe("LOCK TABLE $fault->{table} IN EXCLUSIVE MODE");
	my $deadline = time + $fault->{hold};
	until ($self->ask("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'heartbeat worker' AND wait_event_type = 'Lock')") eq 't'
		or time > $deadline)
	{
		usleep(5_000);
	}
	$self->_last($fault);
	eval { $user->query('COMMIT') };
	my $over = time;
	eval { $user->quit };
	return $over;
}

1;
