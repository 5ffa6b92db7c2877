# Checks the Kafka cluster of three brokers that other tests use. A test can stop, kill, freeze and replace each broker, and the
# cluster continues to serve its clients.

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
is_deeply([ $kafka->leaders('rig') ], [ 1, 2, 3 ], 'each partition has the leader that the test assigned to it');
$kafka->create_topic('spread', 3);
is_deeply([ map { scalar @{ $_->{replicas} } } $kafka->partitions('spread') ], [ 3, 3, 3 ], 'each partition of a new topic has three replicas');
$kafka->produce('rig', map { { partition => $_ % 3, value => "message $_" } } 0 .. 2_999);

# If a leader is killed, no acknowledged message is lost: another replica becomes the leader.
$kafka->node(1)->kill9;
my $killed = time;
is($kafka->wait_for_other_leader('rig', 0, $kafka->node(1))->id, 2, 'the other replica becomes leader when the leader is killed');
note sprintf 'elected after %.1f s', time - $killed;
is_deeply([ $kafka->end_offsets('rig') ], [ 1000, 1000, 1000 ], 'the new leader has every acknowledged message');
$kafka->produce('rig', { partition => 0, value => 'meanwhile' });
$kafka->node(1)->start;
$kafka->wait_until_ready;
$kafka->wait_until_in_sync;
$kafka->elect_preferred_leaders;
is($kafka->leader_of('rig', 0)->id, 1, 'a restarted broker leads its partition again after a preferred leader election');

# While there is no controller, the brokers answer clients, and no leader changes.
$kafka->controller->kill9;
# this producer is not idempotent, because an idempotent producer needs an id from the controller
my $producer = $kafka->producer('rig', '-X', 'enable.idempotence=false');
$producer->send({ partition => 2, value => 'without a controller' });
$producer->finish;
is_deeply([ $kafka->leaders('rig') ], [ 1, 2, 3 ], 'without a controller each partition keeps its leader');
$kafka->controller->start;
$kafka->wait_until_ready;

$kafka->node(3)->freeze;
is($kafka->wait_for_other_leader('rig', 2, $kafka->node(3))->id, 2, 'another replica becomes leader when the leader is frozen');
$kafka->node(3)->thaw;
$kafka->wait_until_in_sync;

$kafka->reassign('rig', { 0 => [ 3, 1 ], 1 => [ 1, 3 ] });
is_deeply([ map { "@{ $_->{replicas} }" } $kafka->partitions('rig') ], [ '3 1', '1 3', '3 2' ], 'reassign() moves the partitions to the brokers that the test names');

my $old = $kafka->node(1);
my $new = $kafka->replace($old);
is_deeply([ $new->id, $new->address eq $old->address ? 'the same port' : 'another port' ], [ 4, 'another port' ], 'replace() starts a new broker with another id and another port');
is_deeply([ map { $_->id } $kafka->nodes ], [ 2, 3, 4 ], 'the replaced broker is no longer a node of the cluster');
is_deeply([ $kafka->end_offsets('rig') ], [ 1001, 1000, 1001 ], 'the cluster keeps every message after a broker is replaced');
$kafka->stop;
is_deeply([ grep { defined $_->pid } $kafka->nodes, $kafka->controller ], [], 'stop() leaves no process running');

done_testing();
