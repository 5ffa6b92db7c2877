# A broker that refuses connections, is silent or answers late must not make heartbeat wait too long. A worker and a session end
# within 2 seconds after SIGTERM, and a server stops within 5 seconds. A statement timeout and a cancel take effect at most a
# second late. While a session waits for a broker, users can create and drop other databases. The reason in heartbeat_status
# names the address that fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Socket::INET;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;

# The kernel accepts connections to this socket, but the test never sends a byte over these connections.
my $silent         = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64) or die "listen: $!";
my $silent_address = '127.0.0.1:' . $silent->sockport;
my $refusing       = '127.0.0.1:' . PostgreSQL::Test::Cluster::get_free_port();

# Each entry: what the broker does, its address, and a regular expression that the reason in heartbeat_status must match. If the
# regular expression is undef, the worker must be RUNNING.
my @manners = (
	[ 'advertises an address that refuses', Heartbeat::FakeBroker->new(advertised => $refusing)->address,       qr/\Q$refusing\E.*refused/ ],
	[ 'advertises an address that is silent', Heartbeat::FakeBroker->new(advertised => $silent_address)->address, qr/\Q$silent_address\E/ ],
	[ 'is silent',    $silent_address,                               qr/cannot reach Kafka/ ],
	[ 'refuses',      $refusing,                                     qr/\Q$refusing\E.*refused/ ],
	[ 'answers late', Heartbeat::FakeBroker->new(delay => 2.2, low => 0, high => 5)->address, undef ]);

my $good = Heartbeat::FakeBroker->new(messages => [ map { { value => reading('CUST-1', 60, reading_time(1_790_000_000, $_)) } } 1 .. 5 ]);
my $node = Heartbeat::Cluster->create('deadlines', settings => { 'heartbeat.stall_timeout' => 3, 'heartbeat.brokers' => $good->address });
$node->wait_for_offsets('heartbeat-events', 5);
my %longest;

sub took
{
	my ($what, $limit, $seconds, $name) = @_;
	$longest{$what} = $seconds if $seconds > ($longest{$what} // 0);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return cmp_ok($seconds, '<', $limit, $name);
}

# Starts a session that queries Kafka, and does not wait for the end of the session. Returns the session and its process id.
sub session
{
	my ($sql) = @_;
	my ($in, $out, $error) = ("SELECT pg_backend_pid();\n$sql;\n", '', '');
	my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('heartbeat') ], '<', \$in, '>', \$out, '2>', \$error);
	my $deadline = time + 30;
	$psql->pump_nb, usleep(10_000) until $out =~ /^(\d+)\n/ || time > $deadline;
	my $pid = $1;
	$node->wait_for_query("SELECT state = 'active' AND query ~ 'heartbeat_' FROM pg_stat_activity WHERE pid = $pid", 't', 'a session asks Kafka');
	return ($psql, $pid);
}

my $question  = 'SELECT count(*) FROM heartbeat_kafka_offsets(now())';
my @questions = (
	"SELECT * FROM heartbeat_seek(now())",
	"SELECT * FROM heartbeat_seek(0, 4)",
	"SELECT * FROM heartbeat_replay(now() - interval '1 hour', now())");

for my $manner (@manners)
{
	my ($name, $address, $reason) = @$manner;
	$node->set('heartbeat.brokers' => $address);
	defined $reason
	  ? $node->wait_for_state('CONNECTING', $reason, "a broker that $name: the reason names the address")
	  : $node->wait_for_state('RUNNING', undef, "a broker that $name: the worker is RUNNING");

	if ($name eq 'answers late')
	{
		my $position = $node->log_position;
		usleep(12_000_000);    # in this time the worker asks for the end offset three times, and gets three answers
		is($node->log_matches('CONNECTING', $position), 0, 'the worker does not report CONNECTING because the leader of a partition answers late');
	}

	$node->query("SELECT heartbeat_pause('deadlines')");
	for my $question (@questions)
	{
		my $began = time;
		my $error = $node->query_error("SET statement_timeout = '1s'; $question");
		my ($function) = $question =~ /(heartbeat_\w+)/;
		took('statement_timeout', 2, time - $began, "$name: statement_timeout ends $function in time");
		like($error, qr/statement timeout|cannot ask Kafka/, 'the error names the timeout or Kafka');
	}

	my ($psql, $pid) = session($question);
	my $began = time;
	$node->query("SELECT pg_cancel_backend($pid)");
	$psql->finish;
	took('cancel', 1, time - $began, "$name: a session ends in time when it is canceled");

	($psql, $pid) = session($question);
	$began = time;
	$node->safe_psql('postgres', 'CREATE DATABASE neighbour');
	$node->safe_psql('postgres', 'DROP DATABASE neighbour');
	took('another database', 6, time - $began, "$name: another database is created and dropped meanwhile");
	$began = time;
	$node->query("SELECT pg_terminate_backend($pid)");
	ok($node->processes_end(2, $pid), "$name: a session ends when it is terminated");
	took('terminate', 2, time - $began, "$name: a terminated session ends in time");
	eval { $psql->finish };

	$node->query('SELECT heartbeat_resume()');
	$node->wait_for_query("SELECT state <> 'PAUSED' FROM heartbeat_status", 't', "$name: the worker goes on after heartbeat_resume()");
	my $worker = $node->worker_pid('heartbeat worker');
	$began = time;
	kill('TERM', $worker);
	ok($node->processes_end(2, $worker), "$name: the worker ends at SIGTERM");
	took('SIGTERM', 2, time - $began, "$name: the worker ends in time at SIGTERM");
	$node->worker_pid('heartbeat worker');

	session($question);
	$began = time;
	$node->stop('fast');
	took('stop', 5, time - $began, "$name: the server stops in time");
	$node->start;
}

# SIGSTOP stops a worker, so it reports no new state. The status must not show its last report as the present state.
$node->wait_for_state('RUNNING');
my $worker = $node->worker_pid('heartbeat worker');
kill('STOP', $worker);
$node->wait_for_state('STALLED', qr/worker 0 \(process id $worker\) has not responded for \d+ seconds: its last activity was waiting for messages/,
	'a worker that does not respond is STALLED, with its last activity');
like($node->status->{hint}, qr/A superuser can end the process with SELECT pg_terminate_backend\($worker\)/, 'the hint says who can end the process');
$node->wait_for_query('SELECT lag_messages IS NULL AND lag_seconds IS NULL FROM heartbeat_status', 't', 'a lag that was not confirmed for long is null, not 0');
kill('CONT', $worker);
$node->wait_for_state('RUNNING');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', '0', 'the lag is known when the worker runs again');

# If a broker does not acknowledge the generator's messages, the generator must still end within 2 seconds after SIGTERM.
my $generator = "$FindBin::RealBin/../../build/generator/heartbeat-generator";
for my $manner (@manners)
{
	my ($name, $address) = @$manner;
	my $output = '';
	my $run = IPC::Run::start([ $generator, '--brokers', $address, '--rate', 50 ], '<', \undef, '>&', \$output);
	my $deadline = time + 3;
	$run->pump_nb, usleep(20_000) while $run->pumpable && time < $deadline;
	ok($run->pumpable, "$name: the generator keeps trying") or diag $output;
	my $began = time;
	$run->signal('TERM');
	$run->finish;
	took('generator', 2, time - $began, "$name: the generator ends in time at SIGTERM");
}

note sprintf '%s: %.2f s at most', $_, $longest{$_} for sort keys %longest;
$node->assert_no_crash;
done_testing();
