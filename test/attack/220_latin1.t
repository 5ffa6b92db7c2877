# Databases whose encoding is not UTF-8. Texts of Kafka and librdkafka are in UTF-8, and heartbeat converts these texts. Texts
# of the server are in the database's encoding. Even if a text cannot be converted, the worker must not try the same batch for
# ever.

use strict;
use warnings;
use utf8;

use Encode ();
use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;
use Heartbeat::Texts;

my $second = 0;

sub bytes { my ($text) = @_; utf8::encode($text); return $text; }

# Returns a reading of a customer.
sub message { my ($customer) = @_; return { value => bytes(reading($customer, 70, reading_time(1_790_000_000 + $second++))) }; }

# Runs the tests in a database with this encoding. The encoding has the letter $own, which also occurs in texts of the server.
# The encoding does not have the letter $foreign.
sub play
{
	my ($encoding, $own, $foreign) = @_;
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my $node   = Heartbeat::Cluster->create(lc $encoding, encoding => $encoding, locale => 'C', settings => { 'heartbeat.log_readings' => 'on' });
	my $topics = 0;
	my $meet   = sub {
		my (%manners) = @_;
		$manners{topic} //= "$encoding-" . ++$topics;
		$node->set('heartbeat.topic' => $manners{topic}, 'heartbeat.brokers' => Heartbeat::FakeBroker->new(%manners)->address);
		return $manners{topic};
	};
	my $ask = sub { my ($sql) = @_; my $answer = $node->query(bytes($sql)); utf8::decode($answer); return $answer; };
	my $read = sub {
		my ($topic, $end, $what) = @_;
		return $node->wait_for_query("SELECT coalesce(max(next_offset), 0) FROM heartbeat_offsets WHERE topic = '$topic'", $end, "$encoding: $what");
	};

	# The name of a constraint and the error message of a trigger have letters of the database's encoding.
	my $long = $own x 300;
	$ask->(qq{ALTER TABLE heartbeat_records ADD CONSTRAINT "nicht_$own" CHECK (customer_id <> 'refused')});
	$ask->(qq{CREATE FUNCTION object() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
		IF NEW.customer_id = 'told' THEN RAISE EXCEPTION E'$long'; END IF;
		IF NEW.customer_id = 'broken' THEN RAISE EXCEPTION E'x$long' USING ERRCODE = '54000'; END IF;
		RETURN NEW; END \$\$;
		CREATE TRIGGER object BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION object()});
	my $topic = $meet->(messages => [ map { message($_) } 'before', 'refused', 'told', "$own\\u001b[2J", "a$foreign", 'after' ]);
	$read->($topic, 6, 'readings that are refused with letters of the encoding are dead letters');
	is($ask->(q{SELECT count(*) FROM heartbeat_records}), $encoding eq 'SQL_ASCII' ? 4 : 3, "$encoding: the other readings are stored");
	my $letters = $ask->("SELECT string_agg(error_text, '|' ORDER BY \"offset\") FROM heartbeat_dead_letters WHERE topic = '$topic'");
	like($letters, qr/constraint "nicht_\Q$own\E"\|(?:\Q$own\E)+(?:\||$)/, "$encoding: the texts of the dead letters have letters of the encoding");
	$node->wait_for_log(qr/LOG: +VALID \Q@{[ $encoding eq 'SQL_ASCII' ? bytes($own) : Encode::encode($encoding eq 'LATIN1' ? 'iso-8859-1' : 'euc-jp', $own) ]}\E\\x1b\[2J 70 bpm/, 0);
	my $retried = $ask->("SELECT remaining FROM heartbeat_retry_dead_letters(topic => '$topic')");
	is($retried, $encoding eq 'SQL_ASCII' ? 2 : 3, "$encoding: these dead letters can be retried");
	assert_restores($node, "$encoding: letters of the encoding");

	# A long error message with these letters.
	$meet->(messages => [ message('broken') ]);
	$node->wait_for_state('RETRYING', qr/x(?:\Q@{[ bytes($own) ]}\E)+/, "$encoding: the reason has the message of the trigger");

	# Texts of a broker.
	$topic = $meet->(cluster_id => bytes("$own$foreign"), messages => [ message('x') ]);
	$read->($topic, 1, 'a topic with a cluster id in UTF-8 is read');
	is($ask->("SELECT cluster_id ~ '^(\\\\x[0-9a-f]{2})+\$' FROM heartbeat_offsets WHERE topic = '$topic'"), 't', "$encoding: the cluster id is stored as ASCII");
	$meet->(topic => $topic, cluster_id => bytes("$foreign$own"), messages => [ message('x') ]);
	$node->wait_for_state('FAILED', qr/but the cluster of heartbeat.brokers is \\x/, "$encoding: the worker is FAILED with another cluster id");
	my $file = $node->data_dir . '/kafka.properties';
	open(my $properties, '>', $file) or die "$file: $!";
	chmod 0600, $file;
	print $properties "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=heartbeat\nsasl.password=hush-5c1d\n";
	close $properties;
	$node->set('heartbeat.kafka_config_file' => $file);
	$meet->(refusal => bytes("says $own and $foreign \x{9b}\n") . "\xff", messages => []);
	my $seen = $encoding eq 'SQL_ASCII' ? $foreign : '?';
	$node->wait_for_state('CONNECTING', qr/says \Q@{[ bytes("$own and $seen") ]}\E \\xc2\\x9b\\x0a\\xff/, "$encoding: the text of a refusal is converted");
	like($node->query_error("SELECT * FROM heartbeat_kafka_offsets(now())"), qr/says \Q@{[ bytes("$own and $seen") ]}\E/, "$encoding: the text of a refusal is converted for a session");
	$node->wait_for_query("SELECT count(*) FROM heartbeat_events WHERE kind = 'state' AND reason LIKE '%says%'", 1, "$encoding: heartbeat_events has the text of a refusal");

	assert_clean_views($node, $encoding);
	assert_clean_log($node, 0, $encoding);
	assert_restores($node, "$encoding: a broker's words");
	$node->assert_no_crash;
	$node->stop;
	return;
}

play('LATIN1',    'é',  '心');
play('EUC_JP',    '心', '😀');
play('SQL_ASCII', 'é',  '心');

done_testing();
