# The statement that moves the offsets gets one element for each Kafka partition of the batch. PostgreSQL must find the row of each
# element by an index or a hash table, also if heartbeat_offsets has no statistics. Otherwise a batch of 500 Kafka partitions needs
# 250000 comparisons.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;

my $broker = Heartbeat::FakeBroker->new(messages => [ map { { value => reading('CUST-1', 60, reading_time(1_790_000_000, $_)) } } 1 .. 5 ]);
my $node   = Heartbeat::Cluster->create('update_plan', settings => {
	'heartbeat.brokers'                    => $broker->address,
	'shared_preload_libraries'             => 'heartbeat,auto_explain',
	'auto_explain.log_min_duration'        => 0,
	'auto_explain.log_nested_statements'   => 'on',
	'autovacuum'                           => 'off',
	'plan_cache_mode'                      => 'force_generic_plan' });
$node->wait_for_offsets('heartbeat-events', 5);

my @plans = slurp_file($node->logfile) =~ /Query Text:\s+(UPDATE \S+heartbeat_offsets o SET next_offset = .*?(?=\n\S))/gs;
cmp_ok(scalar @plans, '>', 0, 'the log has the plan of the statement');
for my $plan (@plans)
{
	like($plan, qr/Hash Cond: .*\bpartition\b|Index Cond: .*\bpartition\b/, 'a hash table or an index finds the row of a partition') or diag $plan;
	unlike($plan, qr/Join Filter/, 'the statement does not compare each row with each element') or diag $plan;
}

$node->assert_no_crash;
done_testing();
