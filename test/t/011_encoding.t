# The encoding of the database cannot represent some characters of a reading. This reading becomes a dead letter, and the worker
# stores the readings before and after this reading.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('encoding');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('encoding', kafka => $kafka, encoding => 'LATIN1', locale => 'C');

my @customers = ('before', 'Zoë', '心拍', 'after');
utf8::encode($_) for @customers;
my $second = 0;
my @rates  = (70, 200);
for my $rate (@rates)
{
	$kafka->produce('heartbeat-events', map { { value => reading($_, $rate, reading_time(1_790_000_000 + $second++)) } } @customers);
}
$node->wait_for_offsets('heartbeat-events', 8);

for my $table ('heartbeat_records', 'heartbeat_anomalies')
{
	is( $node->query("SELECT string_agg(encode(convert_to(customer_id, 'UTF8'), 'hex'), ' ' ORDER BY event_timestamp) FROM $table"),
		join(' ', map { unpack 'H*', $_ } @customers[ 0, 1, 3 ]),
		"$table has the customers that LATIN1 can represent");
}
is( $node->query(q{SELECT count(*), min(error_code), max(error_code),
		bool_and(position(convert_to('"heart_rate"', 'UTF8') IN payload) > 0) FROM heartbeat_dead_letters}),
	'2|22P05|22P05|t', 'readings that LATIN1 cannot represent are dead letters with the SQLSTATE and their bytes');
is($node->status->{state}, 'RUNNING', 'the worker stays RUNNING after these dead letters');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
