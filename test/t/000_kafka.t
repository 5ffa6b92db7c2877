# Checks the Kafka of one broker that other tests use. It starts, and reports correct offsets and sizes. It keeps every
# acknowledged message when a test kills the broker.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('rig');
my $began = time;
$kafka->start;
note sprintf 'the broker answered after %d s', time - $began;
like($kafka->cluster_id, qr/^\S{22}$/, 'the cluster has an id');
is($kafka->_admin('ready') =~ s/\s+\z//r, $kafka->cluster_id, 'the broker reports the id of its cluster');

$kafka->create_topic('rig', 3, 'max.message.bytes=2000000');
is_deeply([ $kafka->end_offsets('rig') ], [ 0, 0, 0 ], 'a new topic has end offset 0 in each partition');

# Kafka keeps the bytes of keys and values, and does not change an empty value into a null value. Each message has the
# partition and the timestamp that the producer requested.
my $bytes     = join '', map { chr } 0 .. 255;
my $delivered = $kafka->produce('rig',
	{ partition => 1, key => 'k', value => $bytes, timestamp => 1_700_000_000_123 },
	{ partition => 1, key => '',  value => '' },
	{ partition => 1, value => undef },
	{ partition => 2, value => 'x' x 1_500_000 });
is_deeply($delivered, { 1 => [ 3, 0, 2 ], 2 => [ 1, 0, 0 ] }, 'the producer reports the partition and the offsets of each message');

# Kafka 3 calls this option --property, and later versions call it --formatter-property.
my $property = ($ENV{KAFKA_VERSION} // '') =~ /^3\./ ? '--property' : '--formatter-property';
my $consumed = $kafka->tool(
	'consume',          '--topic',              'rig', '--partition', 1, '--offset', 'earliest', '--max-messages', 3,
	'--timeout-ms',     30_000,                 map { ($property, $_) }
	  qw(print.timestamp=true print.key=true print.offset=true key.separator=| null.literal=NULL));
is( $consumed =~ s/CreateTime:(?!1700000000123)\d+/CreateTime:now/gr,
	"CreateTime:1700000000123|Offset:0|k|$bytes\n" . "CreateTime:now|Offset:1||\n" . "CreateTime:now|Offset:2|NULL|NULL\n",
	'bytes, keys, nulls and timestamps arrive unchanged');

my $with_headers = $kafka->producer('rig', '--header', 'trace=one', '--header', 'trace=two', '--header', 'empty=');
$with_headers->send({ partition => 2, value => 'x' });
$with_headers->finish;
is( $kafka->tool(
		'consume', '--topic', 'rig', '--partition', 2, '--offset', 1, '--max-messages', 1, '--timeout-ms', 30_000, $property, 'print.headers=true'),
	"trace:one,trace:two,empty:\tx\n", 'headers arrive in the order in which they were sent');

# Kafka keeps every acknowledged message when kill -9 ends the broker.
my @many = map { { partition => 0, value => "message $_" } } 1 .. 200_000;
$kafka->produce('rig', @many);
$kafka->kill9;
is($kafka->pid, undef, 'kill9() ends the broker process');
$kafka->start;
is_deeply([ $kafka->end_offsets('rig') ], [ 200_000, 3, 2 ], 'a killed broker restarts with its data and its port');

$kafka->truncate('rig', 0, 5);
is_deeply([ $kafka->first_offsets('rig') ], [ 5, 0, 0 ], 'truncate() moves the first offset of a partition');
$kafka->grow_topic('rig', 4);
is_deeply([ $kafka->end_offsets('rig') ], [ 200_000, 3, 2, 0 ], 'grow_topic() adds a partition to a topic');

# Each of the two transactions below writes two messages and one transaction marker. A marker has an offset of its own.
$kafka->produce_transaction('rig', 'commit', { partition => 3, value => 'kept' }, { partition => 3, value => 'kept' });
$kafka->produce_transaction('rig', 'abort',  { partition => 3, value => 'lost' }, { partition => 3, value => 'lost' });
is(($kafka->end_offsets('rig'))[3], 6, 'a transaction marker takes one offset');

$kafka->freeze;
ok(!$kafka->answers, 'a frozen broker does not answer');
$kafka->thaw;
$kafka->wait_until_ready;
pass('a thawed broker answers again');

is_deeply($kafka->group_offsets('nobody'), {}, 'an unknown group has no offsets');
$kafka->delete_topic('rig');
$kafka->create_topic('rig', 1);
is_deeply([ $kafka->end_offsets('rig') ], [0], 'a deleted topic can be created again');

my $first_id = $kafka->cluster_id;
$kafka->stop;
$kafka->format;
$kafka->start;
isnt($kafka->cluster_id, $first_id, 'a new cluster can use the address of the old cluster');

done_testing();
