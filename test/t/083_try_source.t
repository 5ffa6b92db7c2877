# Tests two functions that a person can call before the person adds a source. heartbeat_suggest_mapping() finds a mapping for
# the messages of a topic. heartbeat_try_source() decodes the messages, and shows the readings that the source would give. Both
# functions read the newest messages, and wait for Kafka only for a limited time. The functions check the rights of the caller,
# and store nothing in Kafka or in the database. The steps of docs/sources.md add a source, repair the source and drop the
# source.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('try', 'auto.create.topics.enable' => 'true');
$kafka->start;
$kafka->create_topic($_->[0], $_->[1]) for [ 'heartbeat-events', 1 ], [ 'vendor', 2 ], [ 'empty', 1 ], [ 'mixed', 1 ];
my $node = Heartbeat::Cluster->create('try', kafka => $kafka, owner => 'heartbeat_owner');
my $mapping = q('{"customer_id": "/person/id", "heart_rate": "/pulse", "event_timestamp": {"at": "/at", "unit": "ms"}}');

sub vendor
{
	my ($partition, @numbers) = @_;
	return map { { partition => $partition, key => "KEY-$_", timestamp => 1_795_444_742_000 + $_ * 1000,
			value => qq({"person":{"id":"W-$_"},"pulse":) . (60 + $_ % 100) . q(,"at":) . (1_795_444_742_000 + $_ * 1000) . '}' } } @numbers;
}
sub tried { my ($arguments) = @_; return $node->query("SELECT * FROM heartbeat_try_source($arguments)"); }
sub notices { my ($sql) = @_; $node->psql('heartbeat', $sql, stderr => \my $error); return $error; }
sub refused { my ($sql, $pattern, $what) = @_; return like($node->query_error($sql), $pattern, $what); }

# Both functions read the newest messages.
$kafka->produce('vendor', vendor(0, 1 .. 150), vendor(1, 151 .. 153));
is($node->query("SELECT preset IS NULL, fits, of FROM heartbeat_suggest_mapping('vendor') LIMIT 1"), 't|100|100', 'the suggested mapping reads all messages');
my $suggested = $node->query("SELECT mapping FROM heartbeat_suggest_mapping('vendor') LIMIT 1");
is(tried("'vendor', \$json\$$suggested\$json\$, messages => 2"),
	"0|149|W-150||110|2026-11-23 14:41:32+00|NORMAL||\n1|2|W-153||113|2026-11-23 14:41:35+00|NORMAL||",
	'the suggested mapping reads the newest message of each partition');
is($node->query("SELECT string_agg(kafka_partition || ':' || n || ':' || first, ' ' ORDER BY kafka_partition) FROM (SELECT kafka_partition, count(*) n, min(kafka_offset) AS first FROM heartbeat_try_source('vendor', $mapping) GROUP BY 1) p"),
	'0:97:53 1:3:0', 'if a partition has few messages, the other partition gives more messages');
is($node->query("SELECT count(*) FROM heartbeat_try_source('vendor', $mapping, messages => 10000)"), 153, 'all messages are read if the topic has fewer messages than wanted');

# In this topic only the key of a message identifies the customer. The value also has a text, the model of the watch, which
# heartbeat_suggest_mapping() must not take for the customer.
$kafka->create_topic('watches', 1);
$kafka->produce('watches', map { { key => "KEY-$_", value => sprintf '{"status":0,"body":{"series":{"%d":{"heart_rate":7%d,"model":"ScanWatch","model_id":93,"deviceid":"d-%d"}}}}', 1_795_444_742 + $_, $_, $_ } } 1 .. 3);
is($node->query("SELECT mapping, fits, of FROM heartbeat_suggest_mapping('watches') LIMIT 1"),
	'{"each": "/body/series", "device_id": "each/deviceid", "heart_rate": "each/heart_rate", "customer_id": "key", "event_timestamp": {"at": "name", "unit": "s"}}|3|3',
	'the key is the customer, and not the model of the watch');
refused(q(SELECT * FROM heartbeat_try_source('watches', '{"customer_id": "$.value[0].floatValue"}')), qr{did you mean "/value/0/floatValue"}, 'for a JSONPath the error shows the place');

# heartbeat_try_source() returns the readings of each message. For a message without a reading, it returns one row with the reason.
$kafka->produce('mixed', { key => 'K', value => reading('CUST-1', 74, '2026-11-22T14:39:02Z') }, { key => 'K', value => 'no JSON' }, { key => 'K', value => undef },
	{ key => 'K', value => '{"kind":"steps"}' }, { key => 'K', value => '{"kind":"rates","rates":[]}' },
	{ key => 'K', value => '{"kind":"rates","rates":[{"r":30,"t":1},{"r":301,"t":2}]}' }, { key => 'K', value => '{"kind":"rates","rates":[{"r":70,"t":1},{"r":"x","t":2}]}' });
like(tried("'mixed', messages => 7"),
	qr/^0\|0\|CUST-1\|\|74\|2026-11-22 14:39:02\+00\|NORMAL\|\|\n0\|1\|\|\|\|\|\|INVALID_JSON\|[^\n]+\n0\|2\|\|\|\|\|\|TOMBSTONE\|/,
	'without a mapping, messages must have the layout of heartbeat');
is($node->query(q[SELECT kafka_offset, customer_id, heart_rate, class, error_code FROM heartbeat_try_source('mixed',
	'{"when": {"/kind": "rates"}, "each": "/rates", "customer_id": "key", "heart_rate": "each/r", "event_timestamp": {"at": "each/t", "unit": "s"}}') WHERE kafka_offset > 1]),
	"2||||TOMBSTONE\n3||||IGNORED\n4||||NO_READING\n5|K|30|BRADYCARDIA|\n5|K|301|INVALID|\n6||||WRONG_TYPE",
	'each reading has a row, and each message without a reading has a row with the reason');
is($node->query("SELECT count(*) FROM heartbeat_try_source('mixed', preset => 'heartbeat') WHERE error_code IS NULL"), 1, 'heartbeat_try_source() finds a preset by its name');

# Each transaction ends with a marker, which has an offset but is no message.
my @rows = map { { partition => 0, key => 'K', value => reading("CUST-$_", 74, '2026-11-22T14:39:02Z') } } 1 .. 20;
$kafka->create_topic('transactions', 1);
$kafka->produce_transaction('transactions', 'commit', $_) for @rows[ 0 .. 2 ];
$kafka->produce_transaction('transactions', 'abort',  @rows[ 3 .. 12 ]);
is($node->query("SELECT string_agg(customer_id, ' ' ORDER BY kafka_offset) FROM heartbeat_try_source('transactions', messages => 2)"), 'CUST-2 CUST-3',
	'offsets without messages and messages of aborted transactions are skipped');

# Tests topics without messages, and topics that do not exist.
like(notices("SELECT * FROM heartbeat_try_source('empty')"), qr/NOTICE:  topic "empty" has no messages/, 'an empty topic has no rows, and a notice');
is(tried(q('empty')), '', 'an empty topic has no rows');
for my $function ('heartbeat_try_source', 'heartbeat_suggest_mapping')
{
	refused("SELECT * FROM $function('nowhere')", qr/topic "nowhere" does not exist in Kafka/, "$function says that a topic does not exist");
	refused("SELECT * FROM $function('vendor', messages => $_)", qr/number of messages must be from 1 to 10000/, "$function refuses $_ messages") for 0, 10001, 'NULL';
	refused("SELECT * FROM $function(NULL)", qr/topic cannot be NULL/, "$function needs a topic");
	refused("SELECT * FROM $function('a b')", qr/is not the name of a Kafka topic/, "$function refuses an impossible name");
}
refused("SELECT * FROM heartbeat_try_source('vendor', $mapping, 'heartbeat')", qr/both a mapping and a preset/, 'a mapping and a preset exclude each other');
refused("SELECT * FROM heartbeat_try_source('vendor', preset => 'garmin')", qr/there is no preset "garmin".*garmin-push/s, 'the error names the presets');
refused(q(SELECT * FROM heartbeat_try_source('vendor', '{"customer_id": "/id"}')), qr/mapping/, 'the error explains a wrong mapping');
refused("SELECT * FROM heartbeat_try_source('vendor', $mapping, format => 'xml')", qr/there is no format "xml"/, 'a format that this version does not have is refused');

# Nothing is stored.
is($node->query('SELECT count(*) FROM heartbeat_offsets'), $node->query(q(SELECT count(*) FROM heartbeat_offsets WHERE topic = 'heartbeat-events')), 'no offset is stored');
is($node->query('SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies) + (SELECT count(*) FROM heartbeat_dead_letters)'), 0, 'no reading is stored');
is($node->query("BEGIN READ ONLY; SELECT count(*) FROM heartbeat_try_source('vendor', $mapping); COMMIT"), 100, 'a read-only transaction may try a source');
unlike($kafka->tool('topics', '--list'), qr/nowhere/, 'no topic is created');
is_deeply([ grep { $_ ne 'heartbeat-events' } keys %{ $kafka->group_offsets('heartbeat-consumer-group') } ], [], 'no offset is committed to the Kafka group');
unlike($kafka->tool('groups', '--list'), qr/^(?!heartbeat-consumer-group$)./m, 'no other Kafka group is created');

# Tests the rights.
$node->query('CREATE ROLE stranger');
refused("SET ROLE stranger; SELECT * FROM $_('vendor')", qr/permission denied for function $_/, "a role without EXECUTE cannot call $_") for 'heartbeat_try_source', 'heartbeat_suggest_mapping';
$node->query("GRANT EXECUTE ON FUNCTION $_ TO stranger") for $node->query("SELECT string_agg(oid::regprocedure::text, ';') FROM pg_proc WHERE proname IN ('heartbeat_try_source', 'heartbeat_suggest_mapping')") =~ /([^;]+)/g;
is($node->query("SET ROLE stranger; SELECT count(*) FROM heartbeat_try_source('vendor', $mapping)"), 100, 'a role with the right to execute may read the topic');
for my $function ('heartbeat_try_source', 'heartbeat_suggest_mapping')
{
	refused("SET ROLE stranger; SELECT * FROM $function('vendor', brokers => '127.0.0.1:1')", qr/permission denied to set brokers/, "$function sends the credentials to no other server");
	refused("SET ROLE stranger; SELECT * FROM $function('vendor', kafka_config_file => '/etc/passwd')", qr/permission denied to set kafka_config_file/, "$function reads no other file");
}
is($node->query("SELECT count(*) FROM heartbeat_try_source('vendor', $mapping, brokers => '" . $kafka->brokers . "')"), 100, 'a superuser may name the brokers');

# Runs the steps of docs/sources.md with the messages of the vendor.
my $document = Heartbeat::Runbook->new($node, 'docs/sources.md');
like($document->run('Let heartbeat suggest a mapping', 1), qr/"at": "\/at", "unit": "ms".*\|100\|100$/m, 'the first step suggests the mapping of the document');
like($document->run('Look at the readings', 1), qr/^0\|149\|W-150\|/m, 'the second step shows readings');
is($document->run('Look at the messages without a reading', 1), '', 'the third step shows that each message has a reading');
$document->run('Add the source', 1);
$node->wait_for_query(q(SELECT count(*) FROM heartbeat_records WHERE customer_id ~ '^W-'), 153, 'the fourth step makes the workers store the readings');
$node->wait_for_query(q(SELECT state FROM heartbeat_source_status WHERE source = 'vendor'), 'RUNNING', 'the source is RUNNING');
like($document->run('Look at the source', 1), qr/^RUNNING\|.*^0\|150\|0\|0\|150\|150\|0\|0\|0\|0\n1\|3\|0\|0\|3\|3\|0\|0\|0\|0$/ms,
	'the fifth step shows the state and the counters of the source');
like($document->run('Correct the mapping', 1), qr/^0\|0\|\{\}$/m, 'a source without dead letters has nothing to retry');

# The mapping of the source reads the customer from a wrong member, until a person corrects the mapping.
$node->query(q{SELECT heartbeat_alter_source('vendor', mapping => '{"customer_id": "/gateway/id", "heart_rate": "/pulse",
	"event_timestamp": {"at": "/at", "unit": "ms"}}')});
my @wrong = vendor(0, 154 .. 156);
$_->{value} =~ s/^\{/{"gateway":{"id":"gateway-7"},/ for @wrong;
$kafka->produce('vendor', @wrong);
$node->wait_for_query(q(SELECT count(*) FROM heartbeat_records WHERE customer_id = 'gateway-7'), 3, 'readings are stored for the wrong customer');
like($document->run('A mapping was wrong', 1), qr/^0\|0\|\{\}$/m, 'the readings of the wrong customer are no dead letters');
like($document->run('A mapping was wrong', 2), qr/^0\|\d+\|\d+\|153\|3\|0\|150\|0\|vendor\|/m, 'a replay stores the readings of the right customers');
is($node->query(q(SELECT difference FROM heartbeat_audit_tables() WHERE table_name = 'heartbeat_records')), 3, 'the replay does not count these readings');
is($document->run('A mapping was wrong', 3), '', 'the wrong readings are deleted');
is($document->run('A mapping was wrong', 4), "heartbeat_anomalies|0\nheartbeat_dead_letters|0\nheartbeat_records|0\n0|0\n1|0", 'both audits show no difference after the repair');
is($node->query(q(SELECT count(*), count(*) FILTER (WHERE customer_id ~ '^W-') FROM heartbeat_records)), '156|156', 'each reading has the right customer');
$document->run('Drop the source', 1);
is($node->query(q(SELECT count(*) FROM heartbeat_sources WHERE name = 'vendor')), 0, 'the last step drops the source');
$document->assert_all_run($document->parts);

# The broker is frozen. Three events can end the wait for Kafka: statement_timeout, a cancel, and the time limit of the
# functions.
$kafka->freeze;
my $began = time;
refused("SET statement_timeout = '1s'; SELECT * FROM heartbeat_try_source('vendor', $mapping)", qr/statement timeout/, 'statement_timeout ends the wait for Kafka');
cmp_ok(time - $began, '<', 5, 'the timeout ends the wait at once');
my ($out, $error) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('heartbeat') . " application_name='waits'", '-c', "SELECT * FROM heartbeat_suggest_mapping('vendor')" ],
	'>', \$out, '2>', \$error);
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waits' AND query ~ 'suggest'", 1, 'a session waits for Kafka');
$node->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'waits'");
$psql->finish;
like($error, qr/canceling statement due to user request/, 'a user can cancel the wait for Kafka');
$began = time;
refused("SELECT * FROM heartbeat_try_source('vendor', $mapping)", qr/cannot read topic "vendor" from Kafka/, 'a broker that does not answer is an error');
cmp_ok(time - $began, '<', 13, 'the wait for Kafka has an end');
$kafka->thaw;

$node->assert_no_crash;
$node->stop;
done_testing();
