# A leader can answer so late that a session no longer waits, for example because the leader throttles the session. The error or the
# notice then says which leader has not answered, and for how long the session has waited.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;

my %state  = (messages => [ map { { value => reading('CUST-1', 60, reading_time(1_790_000_000, $_)) } } 1 .. 5 ]);
my $broker = Heartbeat::FakeBroker->new(%state);
my $node   = Heartbeat::Cluster->create('silent_leader', settings => { 'heartbeat.brokers' => $broker->address });
$node->wait_for_offsets('heartbeat-events', 5);
$node->query("SELECT heartbeat_pause('silent leader')");

# From now on the leader answers the first question about offsets, and then answers nothing for a minute.
$broker = $broker->replace(%state, throttle => 60);
my $address = $broker->address;

sub reason
{
	my ($seconds) = @_;
	return qr/partition 0: its leader, broker 1 \(\Q$address\E\), throttles this client by a quota, and has not answered within $seconds seconds$/m;
}

for my $case (
	[ 'a seek by offset',       'SELECT * FROM heartbeat_seek(0, 4)', qr/NOTICE:  offset 4 of partition 0 was not checked: /,     3 ],
	[ 'a seek by time',         'SELECT * FROM heartbeat_seek(now())', qr/cannot ask Kafka for the offsets.*\nDETAIL:  /,         10 ],
	[ 'a replay',               "SELECT * FROM heartbeat_replay(now() - interval '1 hour', now())", qr/cannot ask Kafka for the offsets.*\nDETAIL:  /, 5 ],
	[ 'a trial of the mapping', "SELECT * FROM heartbeat_try_source('heartbeat-events')", qr/cannot read topic.*\nDETAIL:  /,     5 ])
{
	my ($what, $sql, $expected, $seconds) = @$case;
	my (undef, undef, $error) = $node->psql('heartbeat', $sql);
	like($error, $expected, "$what: the session reports that Kafka did not answer");
	like($error, reason($seconds), "$what: the reason names the leader and the time");
}

$node->assert_no_crash;
done_testing();
