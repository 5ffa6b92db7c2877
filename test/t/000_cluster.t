# The rig of several brokers: each can be stopped, killed, frozen and replaced by itself, and the cluster goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Kafka::Cluster;

my $began = time;
my $kafka = Heartbeat::Kafka::Cluster->new('rig');
$kafka->start;
note sprintf 'three brokers answered after %.1f s', time - $began;

$kafka->create_assigned_topic('rig', [ [ 1, 2 ], [ 2, 3 ], [ 3, 2 ] ]);
is_deeply([ $kafka->leaders('rig') ], [ 1, 2, 3 ], 'each partition is where it was put');
$kafka->create_topic('spread', 3);
is_deeply([ map { scalar @{ $_->{replicas} } } $kafka->partitions('spread') ], [ 3, 3, 3 ], 'a topic is replicated three times');
$kafka->produce('rig', map { { partition => $_ % 3, value => "message $_" } } 0 .. 2_999);

# A leader that is killed loses nothing: another replica leads.
$kafka->node(1)->kill9;
my $killed = time;
is($kafka->wait_for_other_leader('rig', 0, $kafka->node(1))->id, 2, 'the other replica of a killed leader leads');
note sprintf 'elected after %.1f s', time - $killed;
is_deeply([ $kafka->end_offsets('rig') ], [ 1000, 1000, 1000 ], 'and has what was acknowledged');
$kafka->produce('rig', { partition => 0, value => 'meanwhile' });
$kafka->node(1)->start;
$kafka->wait_until_ready;
$kafka->wait_until_in_sync;
$kafka->elect_preferred_leaders;
is($kafka->leader_of('rig', 0)->id, 1, 'a broker that is back leads again when that is asked for');

# Without a controller the brokers serve, and no leader changes.
$kafka->controller->kill9;
my $producer = $kafka->producer('rig', '-X', 'enable.idempotence=false');    # the controller gives out producers' ids
$producer->send({ partition => 2, value => 'without a controller' });
$producer->finish;
is_deeply([ $kafka->leaders('rig') ], [ 1, 2, 3 ], 'without a controller each partition keeps its leader');
$kafka->controller->start;
$kafka->wait_until_ready;

$kafka->node(3)->freeze;
is($kafka->wait_for_other_leader('rig', 2, $kafka->node(3))->id, 2, 'a frozen leader gives way to another one');
$kafka->node(3)->thaw;
$kafka->wait_until_in_sync;

$kafka->reassign('rig', { 0 => [ 3, 1 ], 1 => [ 1, 3 ] });
is_deeply([ map { "@{ $_->{replicas} }" } $kafka->partitions('rig') ], [ '3 1', '1 3', '3 2' ], 'partitions can be moved');

my $old = $kafka->node(1);
my $new = $kafka->replace($old);
is_deeply([ $new->id, $new->address eq $old->address ? 'the same port' : 'another port' ], [ 4, 'another port' ], 'a broker can be replaced');
is_deeply([ map { $_->id } $kafka->nodes ], [ 2, 3, 4 ], 'the old one is gone');
is_deeply([ $kafka->end_offsets('rig') ], [ 1001, 1000, 1001 ], 'and everything is still there');
$kafka->stop;
is_deeply([ grep { defined $_->pid } $kafka->nodes, $kafka->controller ], [], 'no process is left');

done_testing();
