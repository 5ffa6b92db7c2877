# When one source changes, the other sources do not ask Kafka about their topics. With many sources such questions would need
# many threads at the same time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;

my $sources = 20;
my $log     = PostgreSQL::Test::Utils::tempdir() . '/requests';
my $broker  = Heartbeat::FakeBroker->new(messages => [ { value => reading('CUST-1', 60, reading_time(1_790_000_000)) } ], log => $log);
my $node    = Heartbeat::Cluster->create('quiet', settings => { 'heartbeat.brokers' => $broker->address });
$node->query("SELECT heartbeat_add_source('s' || n, 'heartbeat-events') FROM generate_series(2, $sources) n");
$node->wait_for_query('SELECT count(*) FROM heartbeat_offsets WHERE next_offset = 1', $sources, 'all sources read their topic');

# Returns how often clients have asked about a topic until now.
sub questions { return scalar grep { /^_metadata$/ } split /^/, slurp_file($log); }

# Waits until the clients ask no more questions.
sub wait_for_rest
{
	my $before = -1;
	while ($before != questions())
	{
		$before = questions();
		sleep 3;
	}
	return $before;
}

my $before = wait_for_rest();
$node->query("SELECT heartbeat_alter_source('s2', offset_reset => 'earliest')");
$node->wait_for_query("SELECT state FROM heartbeat_source_status WHERE source = 's2'", 'RUNNING', 'the altered source is read again');
my $asked = wait_for_rest() - $before;
cmp_ok($asked, '<', $sources - 5, "the other sources ask no questions: $asked questions in all");
$node->assert_no_crash;
$node->stop;
done_testing();
