# A broker that was frozen serves an old state for a moment: an old log, or an old number of Kafka partitions. If a check finds
# such a state, the worker checks again three seconds later, and acts only if the second check finds the same state. After a
# check without a fault, the worker again needs two checks.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;

sub messages { my ($customer) = @_; return [ map { { value => reading($customer, 60, reading_time(1_790_000_000, $_)) } } 1 .. 20 ]; }

# %present is the present state of Kafka. The other hashes are old states that the broker can serve.
my %present     = (messages => messages('CUST-1'), partitions => 6);
my %short_log   = (messages => [], partitions => 6);
my %other_log   = (messages => messages('CUST-2'), partitions => 6);
my %before_grow = (messages => messages('CUST-1'), partitions => 4);

my $broker = Heartbeat::FakeBroker->new(%present);
my $node   = Heartbeat::Cluster->create('old', settings => { 'heartbeat.brokers' => $broker->address });
my $row    = q{SELECT next_offset, lost_at IS NULL FROM heartbeat_offsets WHERE partition = 0};
$node->wait_for_query($row, '20|t', 'the worker reads the messages');
$node->wait_for_query('SELECT count(*) FROM heartbeat_offsets', 6, 'each Kafka partition has a stored offset');

# Replaces the broker by a broker that serves the given state.
sub answer_with { my (%state) = @_; $broker = $broker->replace(%state); return; }

sub assert_not_failed
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->count(q{heartbeat_events WHERE kind = 'state' AND details->>'state' = 'FAILED'}), 0, "$what: the worker is not FAILED");
	return is($node->query("SELECT count(*) FROM heartbeat_offsets WHERE lost_at IS NOT NULL"), 0, "$what: no stored offset is marked as lost");
}

for my $case (
	[ 'a short log',     \%short_log, qr/ends at offset 0, before the stored offset 20|truncated/ ],
	[ 'another log',     \%other_log, qr/another message/ ])
{
	my ($what, $old, $reason) = @$case;
	for my $time ('first', 'second')
	{
		answer_with(%$old);
		$node->wait_for_state('CONNECTING', $reason, "$what, $time time: the worker suspects a fault");
		answer_with(%present);
		$node->wait_for_state('RUNNING', undef, "$what, $time time: the worker reads again");
		assert_not_failed("$what, $time time");
		# the second old answer arrives more than three seconds after the first one
		sleep 4 if $time eq 'first';
	}
}

# The broker reports fewer Kafka partitions. The worker asks for their number after a pause.
answer_with(%before_grow);
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('CONNECTING', qr/it has 4 partitions now, and had more before/, 'fewer Kafka partitions: the worker suspects a recreated topic');
answer_with(%present);
$node->wait_for_state('RUNNING', undef, 'fewer Kafka partitions: the worker reads again');
assert_not_failed('fewer Kafka partitions');

# The second check finds the same state. The log has few lines, because the worker waits between the checks.
$node->stop;
my $position = $node->log_position;
answer_with(%other_log);
$node->start;
$node->wait_for_state('FAILED', qr/another message/, 'another log in two checks: the worker is FAILED');
cmp_ok($node->log_matches(qr/heartbeat: (?:CONNECTING|RUNNING)/, $position), '<=', 12, 'another log: the log has few lines about the state');
answer_with(%present);
$node->query($_) for 'SELECT heartbeat_pause()', 'SELECT heartbeat_seek(partition, next_offset) FROM heartbeat_offsets', 'SELECT heartbeat_resume()';
$node->wait_for_state('RUNNING', undef, 'another log: the worker reads again after a seek');
answer_with(%before_grow);
$node->wait_for_state('FAILED', qr/it has 4 partitions now, and had more before/, 'fewer Kafka partitions in two checks: the worker is FAILED');

$node->assert_no_crash;
done_testing();
