# A broker sends wrong answers: texts that are not UTF-8, and impossible numbers. The worker names the problem, stores
# nothing of the wrong answer, and continues when it reaches a good broker. All stored texts can be read, dumped and
# restored.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;
use Heartbeat::Texts;

my $node   = Heartbeat::Cluster->create('lies', settings => { 'log_min_messages' => 'debug1' });
my $cases  = 0;
my $obeyed = "\xff\xfe\x1b[31m\r\nforged: line\xc3";

# Returns a message. All messages are equal, so when the worker reads from another broker, it finds the same messages there.
sub message { return { value => reading('CUST-1', 70, reading_time(1_790_000_000)), @_ }; }

# Starts a broker. Each case has its own topic, so that a case does not depend on the stored offsets of other cases.
sub meet
{
	my (%manners) = @_;
	$manners{topic} //= 'case-' . ++$cases;
	my $broker = Heartbeat::FakeBroker->new(%manners);
	$node->set('heartbeat.topic' => $manners{topic}, 'heartbeat.brokers' => $broker->address);
	return $manners{topic};
}

sub stored { my ($topic) = @_; return "SELECT coalesce(max(next_offset), -1) FROM heartbeat_offsets WHERE topic = '$topic'"; }

# Passes when the worker is CONNECTING because of a wrong answer, stores nothing of this answer, and reads from a good broker
# afterwards.
sub refused
{
	my ($what, $reason, $expected, %manners) = @_;
	my $topic = meet(%manners);
	$node->wait_for_state('CONNECTING', $reason, "$what: the reason names the problem");
	is($node->query(stored($topic)), $expected, "$what: nothing of the answer is stored");
	meet(topic => $topic, messages => [ map { message() } 1 .. 3 ]);
	$node->wait_for_query(stored($topic), 3, "$what: a good broker is read to its end");
	$node->wait_for_state('RUNNING', undef, "$what: the worker is RUNNING with the good broker");
	return;
}

# Passes when the worker accepts an answer.
sub taken
{
	my ($what, $end, %manners) = @_;
	my $topic = meet(%manners);
	$node->wait_for_query(stored($topic), $end, "$what: the topic is read to its end");
	$node->wait_for_state('RUNNING', undef, "$what: the worker is RUNNING");
	return $topic;
}

# Texts.
my $topic = taken('a cluster id that is not UTF-8', 1, cluster_id => $obeyed, messages => [ message() ]);
is($node->query("SELECT cluster_id FROM heartbeat_offsets WHERE topic = '$topic'"),
	'\\xff\\xfe\\x1b[31m\\x0d\\x0aforged: line\\xc3', 'the cluster id is stored as ASCII');
meet(topic => $topic, cluster_id => $obeyed, messages => [ map { message() } 1 .. 2 ]);
$node->wait_for_query(stored($topic), 2, 'the worker recognizes the same cluster id');
$node->query("UPDATE heartbeat_offsets SET cluster_id = E'\\u009b' || repeat(E'\\n', 50) WHERE topic = '$topic'");
meet(topic => $topic, cluster_id => "\xc2\x9b" . "\n" x 50, messages => [ map { message() } 1 .. 3 ]);
$node->wait_for_query(stored($topic), 3, 'the worker recognizes a cluster id that an older version stored unchanged');
meet(topic => $topic, cluster_id => "$obeyed!", messages => [ map { message() } 1 .. 4 ]);
$node->wait_for_state('FAILED', qr/belong to Kafka cluster .*but the cluster of heartbeat.brokers is .*\\xc3!/, 'another cluster id means another cluster');
assert_restores($node, 'cluster ids');
taken('a cluster id that is too long', 1, cluster_id => "\xc3\xa9" x 16000, messages => [ message() ]);
taken('no cluster id', 1, cluster_id => undef, messages => [ message() ]);
refused('a topic by another name', qr/./, -1, name => "case\xff\x1b]0;x\x07");
refused('an unknown error of the topic', qr/topic/, -1, topic_error => 12345);
refused('an unknown error of the offsets', qr/answers with an error/, -1, ranges_error => 31999);
refused('an unknown error of a fetch', qr/partition 0/, 0, fetch_error => 30999);

# Numbers.
my $most = 1_000_000_000_000_000;
my $huge = 9_223_372_036_854_775_807;
refused('no partition', qr/does not exist/, -1, partitions => 0);
refused('2^31-1 partitions', qr/cannot reach Kafka/, -1, claims => 2_147_483_647);
refused('more partitions than heartbeat reads', qr/10001 partitions/, -1, partitions => 10_001);
refused('as many partitions as librdkafka accepts', qr/100000 partitions/, -1, partitions => 100_000);
refused('an end offset near 2^63', qr/partition 0\b.*$huge/, -1, high => $huge);
refused('an end offset above the limit', qr/partition 0\b.*@{[ $most + 1 ]}/, -1, high => $most + 1);
refused('an end offset below the first offset', qr/partition 0\b.* 7 to 5/, -1, low => 7, high => 5);
refused('a negative beginning', qr/partition 0\b.* -5 to 5/, -1, low => -5, high => 5);
refused('a negative end', qr/partition 0\b.* 0 to -7/, -1, low => 0, high => -7);
refused('a message near 2^63', qr/partition 0\b.*$huge/, 0, high => 1, messages => [ message(offset => $huge) ], end => 1);
refused('a message at an offset above the limit', qr/partition 0\b.*@{[ $most + 1 ]}/, 0, high => 1, messages => [ message(offset => $most + 1) ], end => 1);
refused('an end offset near 2^63 together with a message', qr/partition 0\b.*$huge/, 1, high => 1, messages => [ message() ], end => $huge);
taken('the largest offset', $most, low => $most - 1, messages => [ message() ]);
$topic = taken('timestamps at and beyond the limits', 6,
	messages => [ map { message(timestamp => $_) } -9_223_372_036_854_775_807, $huge, -1, 0, 1 << 60, 9_223_372_036_854_775 ]);
is($node->query("SELECT count(*) FROM heartbeat_offsets WHERE topic = '$topic' AND last_message_at IS NOT NULL"), 1, 'heartbeat_offsets has the timestamp of a message');
my ($worker) = $node->worker_pids('heartbeat worker%');
taken('3000 partitions', 1, partitions => 3000, messages => [ message() ]);
my ($memory) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s+(\d+) kB/m;
cmp_ok($memory / 1024, '<', 150, sprintf 'the worker is still the same process, and has %.0f MiB', $memory / 1024);

# A broker's text can contain a value that the worker has sent, such as the password.
my $file = $node->data_dir . '/kafka.properties';

sub configure
{
	my (%properties) = @_;
	open(my $properties, '>', $file) or die "$file: $!";
	chmod 0600, $file;
	print $properties map { "$_=$properties{$_}\n" } sort keys %properties;
	close $properties;
	$node->set('heartbeat.kafka_config_file' => $file);
	return;
}
my $position = $node->log_position;
my @shown;
sub remember { push @shown, $node->query('SELECT to_json(s) FROM heartbeat_status s'); return; }
my %sasl = ('security.protocol' => 'SASL_PLAINTEXT', 'sasl.mechanism' => 'PLAIN', 'sasl.username' => 'heartbeat', debug => 'all');
configure(%sasl, 'sasl.password' => 'hush-5c1d');
meet(refusal => "${obeyed}nobody has the password '%s', \xc3\xa9" x 30);
$node->wait_for_state('CONNECTING', qr/\\xff\\xfe\\x1b\[31m.*nobody has the password '\(sasl\.password\)'/, 'the reason has the text of a refusal, escaped and without the password');
remember();
configure(%sasl, 'sasl.password' => 'broker');
meet(refusal => "this broker knows '%s'");
$node->wait_for_state('CONNECTING', qr/this broker knows '\(sasl\.password\)'/, 'a password that is an ordinary word is hidden where it is quoted');

# With each of these properties, an error text of librdkafka quotes a value of the properties file.
for my $property (
	[ 'ssl.keystore.location'         => '/srv/hush-9a/client.p12' ],
	[ 'ssl.curves.list'               => 'X25519:hushhushcurve' ],
	[ 'ssl.sigalgs.list'              => 'RSA+SHA256:hushalgorithm' ],
	[ 'ssl.cipher.suites'             => 'hushcipher' ],
	[ 'ssl.ca.location'               => '/srv/hush-9a/' . 'x' x 400 . '.pem' ],
	[ 'ssl.crl.location'              => '/srv/hush-9a/crl.pem' ],
	[ 'ssl.certificate.location'      => '/srv/hush-9a/client.pem' ],
	[ 'ssl.key.location'              => '/srv/hush-9a/client.key' ],
	[ 'ssl.key.pem'                   => '-----BEGIN PRIVATE KEY-----\nhushhushhush' ],
	[ 'partition.assignment.strategy' => 'range,hushstrategy' ])
{
	my ($name, $value) = @$property;
	configure('security.protocol' => 'SSL', debug => 'all', $name => $value);
	$node->wait_for_state('FAILED', qr/\Q$name\E/, "the reason names $name, which cannot be used");
	remember();
}
for my $text (slurp_file($node->logfile, $position), "@shown")
{
	is(scalar(() = $text =~ /hush/g), 0, 'no value of the properties file is shown');
}

assert_clean_views($node, 'lies');
assert_clean_log($node, 0, 'lies');
assert_restores($node, 'lies');
$node->assert_no_crash;
done_testing();
