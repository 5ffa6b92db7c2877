# A message that heartbeat cannot decode becomes a dead letter with the bytes of the message and the reason. heartbeat still
# stores the readings of the messages before and after this message.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('dead');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2, 'max.message.bytes=20000000');
my $node = Heartbeat::Cluster->create('dead', kafka => $kafka);

my $time = '2026-01-01T00:00:00Z';
my @bad  = (
	# description, payload, pattern of the error text
	[ 'an empty payload',              '',                                              qr/no bytes/ ],
	[ 'a tombstone',                   undef,                                           qr/tombstone|null|no payload/i ],
	[ 'a text that is not JSON',       'not json',                                      qr/JSON/ ],
	[ 'JSON cut short',                '{"customer_id":"a","heart_rate":7',             qr/JSON.*end/ ],
	[ 'bytes after the value',         reading('a', 70, $time) . ' x',                  qr/after the value/ ],
	[ 'a second value',                reading('a', 70, $time) . reading('b', 70, $time), qr/after the value/ ],
	[ 'a zero byte after the value',   reading('a', 70, $time) . "\0",                  qr/JSON/ ],
	[ 'an array',                      '[]',                                            qr/array.*object/ ],
	[ 'a number',                      '42',                                            qr/object/ ],
	[ 'null',                          'null',                                          qr/object/ ],
	[ 'an empty object',               '{}',                                            qr/customer_id is missing/ ],
	[ 'no heart rate',                 qq({"customer_id":"a","event_timestamp":"$time"}), qr/heart_rate is missing/ ],
	[ 'no time',                       '{"customer_id":"a","heart_rate":70}',           qr/event_timestamp is missing/ ],
	[ 'a boolean customer',            qq({"customer_id":true,"heart_rate":70,"event_timestamp":"$time"}), qr/customer_id is a boolean/ ],
	[ 'a fraction for a customer',     qq({"customer_id":1.5,"heart_rate":70,"event_timestamp":"$time"}), qr/customer_id/ ],
	[ 'an empty customer',             reading('', 70, $time),                          qr/customer_id is an empty/ ],
	[ 'a customer of 100 kB',          reading('x' x 100_000, 70, $time),               qr/customer_id.*100000.*256/ ],
	[ 'a text for a heart rate',       reading('a', '"70"', $time),                     qr/heart_rate is a string/ ],
	[ 'a null heart rate',             reading('a', 'null', $time),                     qr/heart_rate is null/ ],
	[ 'NaN',                           reading('a', 'NaN', $time),                      qr/JSON/ ],
	[ 'Infinity',                      reading('a', '-Infinity', $time),                qr/JSON/ ],
	[ 'a number beyond a double',      reading('a', '1e999', $time),                    qr/out of range/ ],
	[ 'a number for a time',           qq({"customer_id":"a","heart_rate":70,"event_timestamp":1700000000}), qr/event_timestamp is an integer/ ],
	[ '30 February',                   reading('a', 70, '2026-02-30T00:00:00Z'),        qr/event_timestamp.*date/ ],
	[ '29 February of a common year',  reading('a', 70, '2025-02-29T00:00:00Z'),        qr/event_timestamp.*date/ ],
	[ 'hour 25',                       reading('a', 70, '2026-01-01T25:00:00Z'),        qr/event_timestamp/ ],
	[ 'a time that is a word',         reading('a', 70, 'yesterday'),                   qr/event_timestamp/ ],
	[ 'infinity for a time',           reading('a', 70, 'infinity'),                    qr/event_timestamp/ ],
	[ '\u0000 in the customer',        reading('a\u0000b', 70, $time),                  qr/U\+0000/ ],
	[ 'invalid UTF-8',                 reading("a\xff\xfe", 70, $time),                 qr/UTF-8/ ],
	[ 'UTF-8 longer than needed',      reading("a\xc0\x80", 70, $time),                 qr/UTF-8/ ],
	[ 'a lone high surrogate',         reading('a\ud800', 70, $time),                   qr/JSON/ ],
	[ 'a lone low surrogate',          reading('a\udc00', 70, $time),                   qr/JSON/ ],
	[ 'a key given twice',             qq({"customer_id":"a","heart_rate":70,"heart_rate":71,"event_timestamp":"$time"}), qr/repeated/ ],
	[ '1 MB of opening brackets',      '[' x 1_000_000,                                 qr/nested too deeply/ ],
	[ '1 MB of zero bytes',            "\0" x 1_000_000,                                qr/JSON/ ],
	[ 'random bytes',                  join('', map { chr } 128 .. 255),                qr/JSON/ ]);

# A good reading comes before and after each bad message, in two Kafka partitions. Some keys are not text.
my @messages;
my $good = 0;
for my $i (0 .. $#bad)
{
	my $partition = $i % 2;
	push @messages, { partition => $partition, value => reading('neighbour', 70, reading_time(1_767_225_600 + $good++)) };
	push @messages, { partition => $partition, key => $i % 3 ? "\xff\x00$i" : undef, value => $bad[$i][1], timestamp => 1_700_000_000_000 + $i };
	push @messages, { partition => $partition, value => reading('neighbour', 70, reading_time(1_767_225_600 + $good++)) };
}
$kafka->produce('heartbeat-events', @messages);
my @ends = $kafka->end_offsets('heartbeat-events');
$node->wait_for_offsets('heartbeat-events', @ends);

is($node->count('heartbeat_records'),      $good,           'every good reading between the bad messages is stored');
is($node->count('heartbeat_dead_letters'), scalar @bad,     'every bad message is a dead letter');
is($node->count('heartbeat_anomalies'),    0,               'no bad message is stored as an anomaly');

require Digest::MD5;
for my $i (0 .. $#bad)
{
	my ($what, $payload, $error) = @{ $bad[$i] };
	my $found = $node->query("SELECT coalesce(md5(payload), 'null') || '|' || coalesce(encode(key, 'hex'), 'null') || '|' || error_code || '|' || error_text
		FROM heartbeat_dead_letters WHERE kafka_timestamp = to_timestamp(1700000000 + $i / 1000.0)");
	my ($md5, $key, $code, $text) = split /\|/, $found, 4;
	my $expected = defined $payload ? Digest::MD5::md5_hex($payload) : 'null';
	is("$md5 $key", "$expected " . ($i % 3 ? unpack('H*', "\xff\x00$i") : 'null'), "$what: payload and key are kept to the byte");
	like($text // '', $error, "$what: $text");
	like($code // '', qr/^[A-Z][A-Z0-9_]+$/, "$what: the code is $code");
}

is( $node->query('SELECT count(*) FROM heartbeat_dead_letters d JOIN heartbeat_offsets o USING (topic, partition)
                  WHERE d."offset" < o.next_offset AND d.resolved_at IS NULL AND d.arrived_at <= clock_timestamp()'),
	scalar @bad, 'each dead letter has its topic, partition and offset');
$node->assert_audit;

# The messages and the mapping have not changed, so a retry cannot decode any of the dead letters, and changes nothing.
is($node->query('SELECT resolved, remaining FROM heartbeat_retry_dead_letters()'), '0|' . @bad, 'a retry resolves no dead letter that is still bad');
$node->assert_audit;

# These readings are unusual, but valid.
$kafka->produce('heartbeat-events',
	map { { value => $_ } } reading('\ud83d\udc93', 70, $time), reading('x' x 256, 70, $time), reading("\xc3\xa9" x 256, 70, $time),
	qq( \n{"event_timestamp":"$time","x":{"y":[1,null]},"heart_rate":70,"customer_id":9223372036854775807}\t));
$node->wait_for_offsets('heartbeat-events', $ends[0] + 4, $ends[1]);
is($node->query("SELECT count(*), max(length(customer_id)), count(*) FILTER (WHERE customer_id = '9223372036854775807')
	FROM heartbeat_records WHERE customer_id <> 'neighbour'"), '4|256|1', 'an emoji, a text of 256 characters and a large integer are valid customer ids');
$node->assert_audit;

# A trigger refuses two of the four readings of a batch. At the last reading it raises an error that is not the fault of a
# reading, so the worker rolls back the whole batch and tries it again. The trigger refuses the same two readings again, but the
# worker must count each dead letter only once.
$node->query(q{CREATE TABLE obstacle AS SELECT 1;
	CREATE FUNCTION obstruct() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.customer_id IN ('half-1', 'half-3') THEN RAISE EXCEPTION 'refused'; END IF;
		IF NEW.customer_id = 'half-4' AND EXISTS (SELECT FROM public.obstacle) THEN RAISE lock_not_available USING MESSAGE = 'an obstacle'; END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER obstruct BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION obstruct();
	GRANT SELECT ON obstacle TO PUBLIC});
$node->set('heartbeat.batch_wait' => '500ms');
# all messages of a transaction become visible at the same time, so the worker stores them in one batch
$kafka->produce_transaction('heartbeat-events', 'commit', map { { value => reading("half-$_", 70, $time) } } 1 .. 4);
$node->wait_for_state('RETRYING', 'an obstacle', 'the worker tries a batch again when no reading has caused the failure');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id LIKE 'half-%'"), 0, 'the failed batch leaves no row');
$node->query('DELETE FROM obstacle');
$node->wait_for_offsets('heartbeat-events', $ends[0] + 9, $ends[1]);
is($node->query("SELECT string_agg(customer_id, ' ' ORDER BY id) FROM heartbeat_records WHERE customer_id LIKE 'half-%'"),
	'half-2 half-4', 'the second attempt stores the readings that the database accepts');
is($node->query("SELECT count(*) FROM heartbeat_dead_letters WHERE error_code = 'P0001'"),
	2, 'each refused reading is one dead letter');
is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'the second attempt counts no reading as a duplicate');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
