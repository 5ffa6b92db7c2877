# A user's trigger decodes dead letters in the ingest worker while the worker's other thread decodes the next batch. The
# worker does not crash, no reading gets values of another reading, and each reading is stored once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $messages = $ENV{THREADS_MESSAGES} // 60_000;
my $letters  = 100;

my $kafka = Heartbeat::Kafka->new('threads');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('threads', kafka => $kafka, settings => { 'heartbeat.batch_size' => 1000 });

# Returns a payload with unknown keys, escapes and nested values. decode_plain() leaves this payload to the JSON parser.
sub payload
{
	my ($customer, $rate, $time, $values) = @_;
	my $nested = join ',', map { qq({"k\\u00e9$_":[$_.5,"v\\n$_"]}) } 1 .. $values;
	return qq({"customer\\u005fid":"$customer","device":[$nested],"heart_rate":$rate,"event_timestamp":"$time"});
}

# The payloads are wrong, so these dead letters stay unresolved, and each retry parses all these dead letters.
$kafka->produce('heartbeat-events', map { { partition => $_ % 2, value => payload("letter $_", '"none"', '', 30) } } 1 .. $letters);
$node->wait_for_query('SELECT count(*) FROM heartbeat_dead_letters', $letters, 'the dead letters that the trigger will decode are stored');

$node->query('CREATE TABLE retries (remaining bigint)');
$node->query(q{CREATE FUNCTION retry() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.retries SELECT r.remaining FROM public.heartbeat_retry_dead_letters() r;
		PERFORM pg_catalog.to_char(1234.5, '9G999D9'), 5::money;
		RETURN NULL;
	END $$});
$node->query("CREATE TRIGGER retry AFTER INSERT ON heartbeat_$_ EXECUTE FUNCTION retry()") for 'records', 'anomalies';

my $start     = int(time) - 7200;
my @published = map {
	my $time = reading_time($start + int($_ / 100), $_ % 100 * 10_000);
	my $customer = sprintf 'CUST-%04d', $_ % 500;
	my $rate = $_ % 50 == 0 ? 200.5 : 60 + $_ % 40 + 0.25;
	{ partition => $_ % 2, value => payload($customer, $rate, $time, $_ % 20), plain => reading($customer, $rate, $time) }
} 1 .. $messages;
$node->query("SELECT heartbeat_pause()");
$kafka->produce('heartbeat-events', map { { partition => $_->{partition}, value => $_->{value} } } @published);
$node->query("SELECT heartbeat_resume()");
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));

cmp_ok($node->count('retries'), '>=', $messages / 1000, 'the trigger decoded dead letters in each batch');
is($node->query('SELECT count(*) FROM retries WHERE remaining <> ' . $letters), 0, 'each retry in the trigger left all dead letters unresolved');
$node->assert_readings('each reading is stored once, as it was published', map { { value => $_->{plain} } } @published);
is($node->count('heartbeat_dead_letters'), $letters, 'no other message is a dead letter');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
