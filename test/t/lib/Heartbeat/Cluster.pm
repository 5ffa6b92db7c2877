# Test code: a PostgreSQL server that preloads heartbeat, for a test. The base class is PostgreSQL::Test::Cluster. If a wait
# fails, the test prints the worker's status and the end of the server's log.

package Heartbeat::Cluster;

use strict;
use warnings;

use parent -norequire, 'PostgreSQL::Test::Cluster';

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP ();
use List::Util qw(first);
use POSIX ();
use Test::More;
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Heartbeat::Poll;
use Heartbeat::Reading qw(reading_line);
use Heartbeat::Repeat;

my $deadline_seconds = 120;

my @servers;    # all servers of the test

# If a shell starts a test in the background, the test and all its processes ignore SIGINT. The test ends its own processes by
# SIGINT, so it restores the default handling.
$SIG{INT} = 'DEFAULT';

# If a test hangs, script/test sends SIGTERM to the test. The test then ends its servers and brokers, as at the ordinary end of
# a test. The child processes of the test end immediately.
my $test_pid = $$;
$SIG{TERM} = sub { $$ == $test_pid ? die "the test was ended by SIGTERM\n" : POSIX::_exit(1) };

=pod

    my $node = Heartbeat::Cluster->create('main', kafka => $kafka, settings => { 'heartbeat.topic' => 'readings' });
    my $node = Heartbeat::Cluster->create('main', start => 0);        # initialized and configured, not started

Options: kafka (a Heartbeat::Kafka; without this option heartbeat.brokers is empty), settings (a hash), database (default:
'heartbeat'), encoding (default: 'UTF8'), locale (default: 'C.UTF-8'), extension (0: does not create the extension), version
(the version of the extension; default: the newest), owner (a new role that owns the extension; default: the superuser),
streaming (1: a standby can follow), archiving (1: the server keeps its WAL), start (0: does not start the server), install_path
(the folder of another PostgreSQL).

=cut

sub create
{
	my ($class, $name, %opt) = @_;
	my $self = $class->new($name, $opt{install_path} ? (install_path => $opt{install_path}) : ());
	$self->{heartbeat_database} = $opt{database} // 'heartbeat';
	$self->{crashes_caused}     = 0;
	push @servers, $self;
	my $starts   = $opt{start} // 1;
	my $template = $opt{install_path} ? undef : _template($starts ? $self->{heartbeat_database} : 'postgres');
	{
		local %ENV = (%ENV, %{ $template // {} });
		$self->init(
			allows_streaming => $opt{streaming} // 0,
			has_archiving    => $opt{archiving} // 0,
			extra            => [ '--encoding', $opt{encoding} // 'UTF8', '--locale', $opt{locale} // 'C.UTF-8' ]);
	}
	my %settings = (
		'shared_preload_libraries' => 'heartbeat',
		'restart_after_crash'      => 'on',
		'log_statement'            => 'none',
		'track_commit_timestamp'   => 'on',
		'max_worker_processes'     => 32,
		'shared_buffers'           => '64MB',
		'heartbeat.database'       => $self->{heartbeat_database},
		'heartbeat.brokers'        => $opt{kafka} ? $opt{kafka}->brokers : '',
		%{ $opt{settings} // {} });
	$self->append_conf('postgresql.conf', join '', map { "$_ = '$settings{$_}'\n" } sort keys %settings);
	return $self unless $starts;
	$self->_create_database if $self->{heartbeat_database} ne 'postgres' && !$template;
	$self->start;
	$self->create_extension(%opt) if $opt{extension} // 1;
	return $self;
}

# Returns environment variables that make init() copy a template instead of running initdb. The template has the database.
sub _template
{
	my ($database) = @_;
	my $bindir = first { -x "$_/initdb" } split /:/, $ENV{PATH};
	return {
		PATH                       => abs_path(dirname(__FILE__) . '/../template') . ":$ENV{PATH}",
		HEARTBEAT_INITDB_BINDIR    => $bindir,
		HEARTBEAT_INITDB_DATABASE  => $database,
		HEARTBEAT_INITDB_TEMPLATES => "$PostgreSQL::Test::Utils::tmp_check/templates"
	};
}

# Creates the extension. With the option `owner`, also creates the extension's owner, as README.md describes.
sub create_extension
{
	my ($self, %opt) = @_;
	$self->query('CREATE EXTENSION heartbeat' . ($opt{version} ? " VERSION '$opt{version}'" : ''));
	$self->query("CREATE ROLE $opt{owner}; SELECT heartbeat_set_owner('$opt{owner}')") if defined $opt{owner};
	return;
}

# Creates a server from a base backup of another server, and starts it. With start => 0 the function does not start the server.
# Further options are `settings`, which is a hash, and the options of init_from_backup.
sub create_from_backup
{
	my ($class, $name, $root, $backup, %opt) = @_;
	my $self = $class->new($name);
	$self->{heartbeat_database} = $root->{heartbeat_database};
	$self->{crashes_caused}     = 0;
	push @servers, $self;
	my %settings = %{ delete $opt{settings} // {} };
	my $start    = delete $opt{start} // 1;
	$self->init_from_backup($root, $backup, %opt);
	$self->append_conf('postgresql.conf', join '', map { "$_ = '$settings{$_}'\n" } sort keys %settings);
	$self->start if $start;
	return $self;
}

# Creates the database in single-user mode, before the launcher starts. A launcher that finds no database looks again only some
# seconds later.
sub _create_database
{
	my ($self) = @_;
	my ($statement, $output) = ("CREATE DATABASE $self->{heartbeat_database}\n");
	IPC::Run::run([ $self->installed_command('postgres'), '--single', '-F', '-D', $self->data_dir, 'postgres' ],
		'<', \$statement, '>', \$output, '2>&1')
	  or croak "cannot create the database:\n$output";
	return;
}

# Returns the result of a query in heartbeat's database, in the format of psql -At. An error ends the test.
sub query { my ($self, $sql) = @_; return $self->safe_psql($self->{heartbeat_database}, $sql); }

# Returns the error of a statement in heartbeat's database, or '' if the statement succeeds.
sub query_error
{
	my ($self, $sql) = @_;
	my ($status, undef, $error) = $self->psql($self->{heartbeat_database}, $sql);
	return $status == 0 ? '' : $error;
}

sub count { my ($self, $relation) = @_; return $self->query("SELECT count(*) FROM $relation"); }

# Calls poll_query_until() of the base class. This function dies with "Broken pipe" if a restarting server refuses the
# connection, because psql then ends before it has read the query. So the call is repeated.
sub poll_query_until
{
	my ($self, @query) = @_;
	my $deadline = time + $deadline_seconds;
	my $answer;
	until (eval { $answer = $self->SUPER::poll_query_until(@query); 1 })
	{
		croak $@ if $@ !~ /Broken pipe/ || time > $deadline;
	}
	return $answer;
}

# Returns the row of heartbeat_status as a hash.
sub status
{
	my ($self) = @_;
	return JSON::PP::decode_json($self->query('SELECT to_json(s) FROM heartbeat_status s'));
}

# Passes when the query returns the expected answer (a text or a pattern) before the deadline.
sub wait_for_query
{
	my ($self, $sql, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $deadline = time + $deadline_seconds;
	my $poll     = Heartbeat::Poll->new(0.1);    # no process starts, so a repetition needs little CPU time
	my $repeat   = Heartbeat::Repeat->new($self, $self->{heartbeat_database}, $sql);
	my $answer;
	while (1)
	{
		$answer = $repeat->answer;    # while a server restarts, the query fails, and the loop repeats the query
		return pass($what) if defined $answer && (ref $expected ? $answer =~ $expected : $answer eq $expected);
		last if time > $deadline;
		$poll->pause;
	}
	$deadline_seconds = 5;    # later waits will probably fail too, so they are short
	fail($what);
	diag "expected: $expected\nlast answer: " . ($answer // 'none in a minute') . "\n" . $repeat->error;
	$self->show_state;
	return 0;
}

# Passes when the worker has the expected state. If a pattern is given, the reason of the state must match the pattern.
sub wait_for_state
{
	my ($self, $state, $reason, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $expected = defined $reason ? qr/^\Q$state\E\|.*$reason/s : qr/^\Q$state\E\|/;
	return $self->wait_for_query("SELECT state, reason FROM heartbeat_status", $expected, $what // "the state is $state");
}

# Passes when the stored offsets are at the end of the topic.
sub wait_for_offsets
{
	my ($self, $topic, @end_offsets) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	# an empty Kafka partition need not have a row in heartbeat_offsets
	my $query = join ' UNION ALL ', map {
		"SELECT $_ AS p, coalesce((SELECT next_offset FROM heartbeat_offsets"
		  . " WHERE topic = '$topic' AND partition = $_), 0) AS o"
	} 0 .. $#end_offsets;
	return $self->wait_for_query("SELECT string_agg(o::text, ' ' ORDER BY p) FROM ($query) s",
		"@end_offsets", "$topic is read to its end: @end_offsets");
}

# Passes when no reading was lost or counted twice.
sub assert_audit
{
	my ($self) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $rows = $self->query('SELECT count(*) > 0 FROM heartbeat_audit()');
	my $bad  = $self->query('SELECT * FROM heartbeat_audit() WHERE difference <> 0 OR difference IS NULL');
	my $sums = $self->query(
		"SELECT (SELECT count(*) FROM heartbeat_records) - sum(records),
		        (SELECT count(*) FROM heartbeat_anomalies) - sum(anomalies),
		        (SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL AND error_code <> 'CONFLICT') - sum(dead_letters - dead_letters_deleted)
		 FROM heartbeat_offsets");
	return is("$rows $bad $sums", 't  0|0|0', 'the audit shows no difference, and the counters equal the rows in the tables');
}

# Passes when vw_customer_bpm_summary has the right average and count for every customer and minute, and no other rows.
sub assert_summary
{
	my ($self, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(
		$self->query(
			"SELECT concat_ws(' ', count(*) FILTER (WHERE v IS NULL) || ' missing,', count(*) FILTER (WHERE t IS NULL) || ' too many,',
				count(*) FILTER (WHERE v.reading_count <> t.reading_count OR abs(v.avg_bpm - t.avg_bpm) > 1e-9) || ' wrong,',
				count(*) - count(DISTINCT (customer_id, minute_bucket)) || ' twice')
			 FROM (SELECT customer_id, date_trunc('minute', event_timestamp, 'UTC') AS minute_bucket,
			              avg(heart_rate) AS avg_bpm, count(*) AS reading_count FROM heartbeat_records GROUP BY 1, 2) t
			 FULL JOIN vw_customer_bpm_summary v USING (customer_id, minute_bucket)"),
		'0 missing, 0 too many, 0 wrong, 0 twice', $what);
}

# Passes when the tables have exactly the readings of the given messages, each reading once and unchanged.
sub assert_readings
{
	my ($self, $what, @messages) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @stored = split /\n/, $self->query(
		q{SELECT customer_id || ' ' || heart_rate || ' ' ||
		         to_char(event_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
		  FROM (SELECT customer_id, heart_rate, event_timestamp FROM heartbeat_records UNION ALL
		        SELECT customer_id, heart_rate, event_timestamp FROM heartbeat_anomalies) r});
	my %left;
	$left{$_}++ for map { reading_line($_) } @messages;
	$left{$_}-- for @stored;
	my @wrong = grep { $left{$_} != 0 } sort keys %left;
	return is(scalar @wrong, 0, $what)
	  || diag scalar(@stored) . ' stored, ' . scalar(@messages) . " published; too few (+) or too many (-):\n",
	  map { sprintf "%+d %s\n", $left{$_}, $_ } splice @wrong, 0, 10;
}

# Passes when the server had no other crashes than those of kill_process(), and no sanitizer found an error.
sub assert_no_crash
{
	my ($self) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @lines = $self->crash_lines;
	return is(scalar @lines, $self->{crashes_caused}, 'the server crashed only as often as the test made it crash')
	  || diag @lines;
}

# Returns the lines of the server's log about crashes and about errors that a sanitizer has found.
sub crash_lines
{
	my ($self) = @_;
	$self->{crashes_looked_for} = 1;
	return grep { /was terminated by signal|\bPANIC:|\bTRAP:|terminate called|: runtime error: |Sanitizer: / }
	  split /^/, slurp_file($self->logfile);
}

sub crashes_caused { my ($self) = @_; return $self->{crashes_caused}; }

# Returns the process ids of heartbeat's background workers. If a LIKE pattern is given, returns only the process ids of the
# workers whose backend_type matches the pattern.
sub worker_pids
{
	my ($self, $like) = @_;
	$like //= 'heartbeat%';
	return split /\n/, $self->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '$like' ORDER BY backend_type, pid");
}

# Waits for a worker whose backend_type matches the pattern, and returns its process id. If several workers match, $which
# selects one of them: a number from 0 (the first worker) to just below 1 (the last worker).
sub worker_pid
{
	my ($self, $like, $which) = @_;
	my $deadline = time + $deadline_seconds;
	my $poll     = Heartbeat::Poll->new;
	my @pids;
	until (@pids = $self->worker_pids($like))
	{
		croak "no worker $like has started" if time > $deadline;
		$poll->pause;
	}
	return $pids[ ($which // 0) * @pids ];
}

# Sends SIGKILL to a worker whose backend_type matches the pattern, so that the server sees a crash. Waits until the server has
# restarted all its processes, and returns the time of the crash.
sub kill_worker
{
	my ($self, $like, $which) = @_;
	return $self->kill_process($self->worker_pid($like, $which));
}

# Kills a process of the server. Waits until the server has restarted all its processes, and returns the time of the crash.
sub kill_process
{
	my ($self, $pid) = @_;
	my $position = $self->log_position;
	kill('KILL', $pid) or croak "kill $pid: $!";
	my $killed_at = time;
	$self->{crashes_caused}++;
	$self->wait_for_log(qr/was terminated by signal 9/, $position);
	$self->poll_query_until('postgres', 'SELECT true') or croak 'the server did not come back';
	return $killed_at;
}

# Waits some seconds for processes to end. Returns false if one of these processes still runs. A zombie counts as ended.
sub processes_end
{
	my ($self, $seconds, @pids) = @_;
	my $deadline = time + $seconds;
	while (time < $deadline)
	{
		return 1 unless grep { -e "/proc/$_/stat" && slurp_file("/proc/$_/stat") !~ /\) Z / } @pids;
		usleep(20_000);
	}
	return 0;
}

# Starts the server as soon as all processes of the killed server have ended.
sub start_after_kill9
{
	my ($self) = @_;
	my $deadline = time + $deadline_seconds;
	until ($self->start(fail_ok => 1))
	{
		croak 'processes of the killed server are still there' if time > $deadline;
		$self->{_pid} = undef;    # start() has read this process id from the file of the killed postmaster
		usleep(100_000);
	}
	return;
}

# Changes settings of the whole server and reloads the configuration.
sub set
{
	my ($self, %settings) = @_;
	$self->safe_psql('postgres', "ALTER SYSTEM SET $_ = '$settings{$_}'") for sort keys %settings;
	$self->safe_psql('postgres', 'SELECT pg_reload_conf()');
	return;
}

# Returns how often the server's log matches a pattern after a position.
sub log_matches
{
	my ($self, $pattern, $from) = @_;
	my $text  = slurp_file($self->logfile, $from // 0);
	my $times = () = $text =~ /$pattern/g;
	return $times;
}

# Returns the length of the log, as a position for log_matches.
sub log_position { my ($self) = @_; return -s $self->logfile; }

sub show_state
{
	my ($self) = @_;
	my ($status, $partitions);
	$self->psql($self->{heartbeat_database}, '\x on \\\\ SELECT * FROM heartbeat_status', stdout => \$status, timeout => 10);
	$self->psql($self->{heartbeat_database}, 'SELECT * FROM heartbeat_partitions', stdout => \$partitions, timeout => 10);
	my @lines = split /^/, slurp_file($self->logfile);
	splice @lines, 0, -25 if @lines > 25;
	diag "heartbeat_status:\n" . ($status // '') . "\nheartbeat_partitions:\n" . ($partitions // '') . "\nserver log:\n", @lines;
	return;
}

# A test fails if it has not called assert_no_crash for each of its servers. A benchmark has no test plan, so it need not
# call assert_no_crash.
END
{
	my @forgotten = $? == 0 && Test::More->builder->has_plan ? grep { !$_->{crashes_looked_for} } @servers : ();
	diag 'assert_no_crash was not called for the server ' . $_->name for @forgotten;
	$? = 1 if @forgotten;
}

1;
