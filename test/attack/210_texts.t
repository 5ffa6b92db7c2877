# People and producers choose some texts: names of customers, constraints, rules and alerts, messages of triggers, and reasons
# of a pause. For each place where heartbeat shortens a text, the test has a text with a multi-byte character at the cut. The
# test also has texts with control characters that change the display of a terminal. With all of these texts each view can be
# read, a dump can be restored, and the log has no control characters.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;
use Heartbeat::Texts;

my $node = Heartbeat::Cluster->create('texts', settings => { 'heartbeat.log_readings' => 'on', 'heartbeat.dead_letter_limit' => 0 });
my $topics = 0;
my $second = 0;
my @letters = ('é', '心', '😀');

sub bytes { my ($text) = @_; utf8::encode($text); return $text; }

# psql takes SQL as bytes and returns bytes, but the texts of this test are characters.
sub ask { my ($sql) = @_; my $answer = $node->query(bytes($sql)); utf8::decode($answer); return $answer; }

# Publishes a reading of each customer to a new topic, and returns the topic.
sub publish
{
	my (@customers) = @_;
	my $topic  = 'texts-' . ++$topics;
	my $broker = Heartbeat::FakeBroker->new(topic => $topic,
		messages => [ map { { value => bytes(reading($_, 70, reading_time(time - 600, $second++))) } } @customers ]);
	$node->set('heartbeat.topic' => $topic, 'heartbeat.brokers' => $broker->address);
	return $topic;
}

sub wait_until_stored
{
	my ($topic, $count, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query("SELECT coalesce(max(next_offset), 0) FROM heartbeat_offsets WHERE topic = '$topic'", $count, $what);
}

# The silence rule must exist before the first reading arrives. Without a silence rule, the worker sets heard_until of a customer
# to 60 seconds after the arrival, and then the rule would raise its alert too late for the test.
ask("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('silent', 'silence', '10 seconds')");
wait_until_stored(publish('calm'), 1, 'readings are stored before the other tests');

# Reasons of a pause.
for my $letter (@letters)
{
	for my $before (0 .. 3)
	{
		ask("SELECT heartbeat_pause(repeat('a', $before) || repeat('$letter', 300))");
		my $room = 383 - $before;
		$room -= $room % length bytes($letter);
		# for an incomplete character, length() fails or returns another number; psql alone would drop this character silently
		is(eval { ask("SELECT length(reason) || ' ' || reason FROM heartbeat_status") } // $@,
			($before + $room / length bytes($letter)) . ' ' . 'a' x $before . $letter x ($room / length bytes($letter)),
			"a reason of $before + " . length(bytes($letter)) . ' bytes a character is cut at the end of a character');
	}
}
ask(q{SELECT heartbeat_pause(E'\x1b[2J\r\nforged\u009b \u202e' || repeat('é', 300))});
like(ask('SELECT reason FROM heartbeat_status'), qr/^\\x1b\[2J\\x0d\\x0aforged\\xc2\\x9b \\xe2\\x80\\xaeé+$/, 'control characters are escaped in the status');
$node->wait_for_query('SELECT count(*) FROM heartbeat_events WHERE kind = \'pause\'', 13, 'heartbeat_events has all pauses');
assert_restores($node, 'pauses');
ask('SELECT heartbeat_resume()');

# Names of customers.
my $escapes = '\u001b[31mred\r\n2026-01-01 00:00:00 UTC [1] LOG:  forged\u009b\u202e\u007f';
my $topic   = publish(map({ $_ x 256 } @letters), $escapes, 'C:\\\\x1b');
wait_until_stored($topic, 5, 'customers of 256 characters and with control characters are stored');
is(ask(q{SELECT count(*) FROM heartbeat_records WHERE length(customer_id) = 256}), 3, 'long names of customers are stored unchanged');
is(ask(q{SELECT count(*) FROM heartbeat_records WHERE customer_id ~ '^\x1b\[31mred\r\n'}), 1, 'control characters in the name of a customer are stored unchanged');
$node->wait_for_log(qr/LOG: +VALID \\x1b\[31mred\\x0d\\x0a2026-01-01 00:00:00 UTC \[1\] LOG:  forged\\xc2\\x9b\\xe2\\x80\\xae\\x7f 70 bpm/, 0);
assert_restores($node, 'customers');

# A trigger refuses readings. The message of the trigger becomes the text of the dead letters.
ask(<<'SQL');
CREATE FUNCTION object() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF starts_with(NEW.customer_id, 'refuse') THEN
		RAISE EXCEPTION '%', substr(NEW.customer_id, 7) || repeat(right(NEW.customer_id, 1), 300)
			USING DETAIL = NEW.customer_id, HINT = NEW.customer_id;
	ELSIF starts_with(NEW.customer_id, 'break') AND current_setting('heartbeat.role') = '' THEN
		RAISE EXCEPTION '%', NEW.customer_id || repeat(right(NEW.customer_id, 1), 300) USING ERRCODE = '54000';
	ELSIF starts_with(NEW.customer_id, 'warn') THEN
		RAISE WARNING '%', NEW.customer_id USING DETAIL = NEW.customer_id;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER object BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION object()
SQL
my @refused = map { my $letter = $_; map { 'refuse' . 'b' x $_ . $letter } 0 .. 3 } @letters;
$topic = publish(@refused, "refuse$escapes!");
wait_until_stored($topic, 13, 'readings with a long message of their trigger are dead letters');
is(ask("SELECT count(*), max(octet_length(error_text)) FROM heartbeat_dead_letters WHERE topic = '$topic' AND error_code = 'P0001'"), '13|255', 'the texts of these dead letters have at most 255 bytes');
is(ask("SELECT bool_and(error_text ~ '^b*(é+|心+|😀+)\$') FROM heartbeat_dead_letters WHERE topic = '$topic' AND \"offset\" < 12"),
	't', 'these texts are cut at the end of a character');
is(ask("SELECT heartbeat_retry_dead_letters(topic => '$topic') IS NOT NULL"), 't', 'these dead letters can be retried');
assert_restores($node, 'triggers');
ask('ALTER TABLE heartbeat_records DISABLE TRIGGER object');

# The name of a constraint has the maximal length.
my $name = '心' x 20 . 'é';
ask(qq{ALTER TABLE heartbeat_records ADD CONSTRAINT "$name" CHECK (customer_id <> 'ungültig' OR heart_rate IS NULL)});
$topic = publish('ungültig', 'gültig');
wait_until_stored($topic, 2, 'a constraint with a long name refuses only one reading');
like(ask("SELECT error_text FROM heartbeat_dead_letters WHERE topic = '$topic'"), qr/constraint "\Q$name\E"/, 'the text of the dead letter has the name of the constraint');
ask(qq{ALTER TABLE heartbeat_records DROP CONSTRAINT "$name"; ALTER TABLE heartbeat_records ENABLE TRIGGER object});

# A trigger raises an error. The message of this error becomes the reason of the worker's state, and is in an event and an alert.
my $rule = '😀' x 200;
ask("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('$rule', 'state', '0')");
# the test waits for these alerts here: the loop below makes ingest RETRYING, and then a silence rule raises no alert
$node->wait_for_query("SELECT count(*) >= 5 FROM heartbeat_alerts WHERE rule = 'silent'", 't', 'the silence of customers with long names raises alerts');
for my $customer (map({ 'break' . 'b' x $_ . $letters[ $_ % 3 ] } 0 .. 3), "break$escapes!")
{
	my $shown = $customer eq "break$escapes!" ? qr/break\\x1b\[31mred\\x0d\\x0a2026.*!$/ : qr/\Q@{[ bytes($customer) ]}\E/;
	publish($customer);
	$node->wait_for_state('RETRYING', $shown, 'the worker is RETRYING with the message of the trigger');
	is(ask('SELECT octet_length(reason) BETWEEN 379 AND 383 AND length(reason) > 0 AND length(last_error) > 0 FROM heartbeat_status'), 't', 'the reason is cut to at most 383 bytes');
}
$node->wait_for_query("SELECT count(*) > 0 FROM heartbeat_events WHERE kind = 'state' AND reason LIKE 'break%'", 't', 'heartbeat_events has the message of the trigger');
$node->wait_for_query("SELECT count(*) > 0 FROM heartbeat_alerts WHERE rule = '" . bytes($rule) . "'", 't', 'the alert is raised with the message of the trigger');
assert_restores($node, 'trouble');
ask('UPDATE heartbeat_alert_rules SET enabled = false');

# A trigger logs a warning.
$topic = publish("warn$escapes");
wait_until_stored($topic, 1, 'a reading whose trigger logs a warning is stored');
$node->wait_for_log(qr/WARNING: +warn\\x1b\[31mred\\x0d\\x0a2026/, 0);

assert_clean_views($node, 'at the end');
assert_clean_log($node, 0, 'at the end');
is($node->log_matches(qr/^2026-01-01 /m), 0, 'no line of the log is forged');
$node->assert_no_crash;
done_testing();
