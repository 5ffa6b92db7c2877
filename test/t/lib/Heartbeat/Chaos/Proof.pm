# Test code. Checks that the tables contain each message of Kafka once, after all faults are over. SQL statements compare the
# rows with the published messages, and with the messages that an independent consumer reads. The checks of the rows do not use
# the counters of the extension. The tables for the comparison are in the schema `chaos`.

package Heartbeat::Chaos::Proof;

use strict;
use warnings;

use Carp;
use Digest::MD5 qw(md5_hex);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Utils;

my $deadline_seconds = 240;

# Options: node, kafka, topic, messages (a new Heartbeat::Chaos::Messages, which begins at the first message), load, faults.
sub new { my ($class, %opt) = @_; return bless {%opt}, $class; }

my $schema = <<'SQL';
	CREATE SCHEMA chaos;
	-- the published messages: the class is null for a bad message
	CREATE TABLE chaos.published (number bigint PRIMARY KEY, digest text, class text, customer_id text COLLATE "C",
		heart_rate double precision, event_timestamp timestamptz);
	-- the messages that the broker has acknowledged
	CREATE TABLE chaos.acknowledged (number bigint, partition integer, "offset" bigint);
	-- the messages that the broker really has; key and value only of bad messages
	CREATE TABLE chaos.topic (partition integer, "offset" bigint, number bigint, digest text, key bytea, value bytea,
		PRIMARY KEY (partition, "offset"));
SQL

# The test publishes some readings again, with the same customer and time. For each customer and time, heartbeat_records stores
# only the first normal reading, and heartbeat_anomalies stores only the first anomaly. A repetition in another partition has
# the heart rate of the original. A repetition in the same partition can have another heart rate, but comes after the original.
# So the result is the same for any order in which heartbeat reads the partitions.
my $expectation = <<'SQL';
	CREATE TABLE chaos.expected AS
		SELECT DISTINCT ON (class = 'NORMAL', customer_id, event_timestamp) class, customer_id, heart_rate, event_timestamp
		FROM chaos.topic JOIN chaos.published USING (number) WHERE class IS NOT NULL
		ORDER BY class = 'NORMAL', customer_id, event_timestamp, "offset";
	ANALYZE;
SQL

# Returns a query that counts the rows that only $expected returns, and the rows that only $found returns. Both parameters are
# queries.
sub _compare
{
	my ($expected, $found) = @_;
	return "WITH e AS ($expected), f AS ($found)
		SELECT (SELECT count(*) FROM (TABLE e EXCEPT ALL TABLE f) x) || ' are missing, '
			|| (SELECT count(*) FROM (TABLE f EXCEPT ALL TABLE e) x) || ' should not be there'";
}

my $nothing = '0 are missing, 0 should not be there';

# Each claim has a query that returns $nothing or 0 if the claim is true.
my @claims = (
	[ 'the stream had readings of every class and bad messages', "SELECT 5 - count(DISTINCT coalesce(class, 'bad')) FROM chaos.published" ],
	[ 'every published message was acknowledged', 'SELECT max(number) + 1 - count(DISTINCT number) FROM chaos.acknowledged' ],
	[ 'every acknowledged message is in the topic at the acknowledged offset',
		'SELECT count(*) FROM chaos.acknowledged a LEFT JOIN chaos.topic t USING (partition, "offset") WHERE t.number IS DISTINCT FROM a.number' ],
	[ 'the topic has the published messages, byte for byte',
		'SELECT count(*) FROM chaos.topic t LEFT JOIN chaos.published p USING (number) WHERE t.digest IS DISTINCT FROM p.digest' ],
	[ 'every normal reading is stored once, with its heart rate and time',
		_compare("SELECT customer_id, heart_rate, event_timestamp FROM chaos.expected WHERE class = 'NORMAL'",
			'SELECT customer_id, heart_rate, event_timestamp FROM heartbeat_records') ],
	[ 'every anomaly is stored once, with its class',
		_compare("SELECT class, customer_id, heart_rate, event_timestamp FROM chaos.expected WHERE class <> 'NORMAL'",
			'SELECT anomaly_type, customer_id, heart_rate, event_timestamp FROM heartbeat_anomalies') ],
	[ 'every bad message is one dead letter, byte for byte',
		_compare('SELECT partition, "offset", key, value FROM chaos.topic JOIN chaos.published USING (number) WHERE class IS NULL',
			q{SELECT partition, "offset", key, payload FROM heartbeat_dead_letters WHERE error_code <> 'CONFLICT' AND resolved_at IS NULL}) ],
	[ 'every reading with another heart rate than the stored one is one conflict',
		_compare('SELECT t.partition, t."offset" FROM chaos.topic t JOIN chaos.published p USING (number)
				JOIN chaos.expected e ON (e.class = \'NORMAL\', e.customer_id, e.event_timestamp) = (p.class = \'NORMAL\', p.customer_id, p.event_timestamp)
				WHERE e.heart_rate <> p.heart_rate',
			q{SELECT partition, "offset" FROM heartbeat_dead_letters WHERE error_code = 'CONFLICT' AND resolved_at IS NULL}) ],
	[ 'no acknowledged message is missing',
		"SELECT count(*) FROM chaos.acknowledged a JOIN chaos.published p USING (number)
			LEFT JOIN heartbeat_records r ON p.class = 'NORMAL' AND (r.customer_id, r.event_timestamp) = (p.customer_id, p.event_timestamp)
			LEFT JOIN heartbeat_anomalies m ON p.class <> 'NORMAL' AND (m.customer_id, m.event_timestamp) = (p.customer_id, p.event_timestamp)
			LEFT JOIN heartbeat_dead_letters d ON p.class IS NULL AND (d.partition, d.\"offset\") = (a.partition, a.\"offset\")
			WHERE r.id IS NULL AND m.id IS NULL AND d.id IS NULL" ],
	[ 'the summary by minute equals the readings',
		_compare("SELECT customer_id, date_trunc('minute', event_timestamp) AS minute_bucket, avg(heart_rate), count(*) FROM heartbeat_records GROUP BY 1, 2",
			'SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary') ],
	[ 'the rollup equals the readings of its minutes',
		_compare("SELECT customer_id, date_trunc('minute', event_timestamp) AS minute_bucket, avg(heart_rate), count(*) FROM heartbeat_records
				WHERE date_trunc('minute', event_timestamp) NOT IN (SELECT minute_bucket FROM heartbeat_stale_minutes) GROUP BY 1, 2",
			'SELECT customer_id, minute_bucket, sum(sum_bpm) / sum(reading_count)::bigint, sum(reading_count)::bigint
				FROM (TABLE heartbeat_rollup UNION ALL TABLE heartbeat_rollup_pending) r
				WHERE minute_bucket NOT IN (SELECT minute_bucket FROM heartbeat_stale_minutes)
				GROUP BY 1, 2 HAVING sum(reading_count) > 0') ],
	[ 'the audit shows no difference', 'SELECT count(*) FROM heartbeat_audit() WHERE difference IS DISTINCT FROM 0' ],
	[ 'the counters equal the rows in the tables',
		'SELECT abs((SELECT count(*) FROM heartbeat_records) - sum(records)) + abs((SELECT count(*) FROM heartbeat_anomalies) - sum(anomalies))
			+ abs((SELECT count(*) FROM heartbeat_dead_letters WHERE error_code <> \'CONFLICT\') - sum(dead_letters))
			+ abs((SELECT count(*) FROM heartbeat_dead_letters WHERE error_code = \'CONFLICT\') - sum(conflicts)) FROM heartbeat_offsets' ]);

# Returns all checks as { claim, difference }. If the claim is true, the difference is an empty text.
sub all
{
	my ($self) = @_;
	my @proofs = ({ claim => 'the topic is read to its end', difference => $self->_wait_for_end });
	$self->{faults}->ask($schema);
	$self->_load;
	$self->{faults}->ask($expectation);
	for (@claims)
	{
		my ($claim, $query) = @$_;
		my $answer = $self->{faults}->ask($query);
		push @proofs, { claim => $claim, difference => $answer =~ /^0(\.0*)?$/ || $answer eq $nothing ? '' : $answer };
	}
	my $crashes = $self->{node}->crash_lines - $self->{node}->crashes_caused;
	push @proofs, { claim => 'the server crashed only as often as the test made it crash', difference => $crashes ? "$crashes more" : '' };
	return @proofs;
}

# Returns the contents of the topic as a sentence.
sub composition
{
	my ($self) = @_;
	return $self->{faults}->ask(
		"SELECT format('%s messages: %s normal readings, %s anomalies, %s duplicates or conflicts, %s bad messages; %s messages read again by replays; %s minutes of %s rolled up',
			count(*), (SELECT count(*) FROM chaos.expected WHERE class = 'NORMAL'), (SELECT count(*) FROM chaos.expected WHERE class <> 'NORMAL'),
			count(class) - (SELECT count(*) FROM chaos.expected), count(*) - count(class), (SELECT sum(rewound) FROM heartbeat_offsets),
			(SELECT count(DISTINCT minute_bucket) FROM heartbeat_rollup), (SELECT count(DISTINCT minute_bucket) FROM vw_customer_bpm_summary))
		FROM chaos.topic JOIN chaos.published USING (number)");
}

sub _wait_for_end
{
	my ($self) = @_;
	my $ends     = join ' ', $self->{kafka}->end_offsets($self->{topic});
	my $deadline = time + $deadline_seconds;
	my $offsets;
	do
	{
		$offsets = $self->{faults}->ask("SELECT string_agg(next_offset::text, ' ' ORDER BY partition) FROM heartbeat_offsets");
		return '' if $offsets eq $ends;
		usleep(50_000);
	} until (time > $deadline);
	return "the topic ends at $ends, the offsets are $offsets";
}

# Returns a text that is different for each pair of key and value.
sub _digest
{
	my ($message) = @_;
	return md5_hex(join ' ', map { defined $message->{$_} ? 'x' . unpack('H*', $message->{$_}) : 'null' } qw(key value));
}

# Copies rows into a table. Each call of $next_row returns the next row as a list.
sub _copy
{
	my ($self, $table, $next_row) = @_;
	my $file = $self->{node}->basedir . "/$table";
	open(my $rows, '>', $file) or croak "$file: $!";
	while (my @row = $next_row->())
	{
		print $rows join("\t", map { $_ // '\N' } @row), "\n";
	}
	close($rows) or croak "$file: $!";
	$self->{faults}->ask("COPY $table FROM '$file'");
	unlink $file;
	return;
}

sub _bytea { my ($bytes) = @_; return defined $bytes ? '\\\\x' . unpack('H*', $bytes) : undef; }

sub _load
{
	my ($self) = @_;
	my $count = 0;
	my $next_receipt = $self->{load}->receipts;
	$self->_copy(
		'chaos.acknowledged',
		sub {
			my @receipt = $next_receipt->();
			$count++ if @receipt;
			return splice @receipt, 0, 3;
		});
	my $bad = '';    # a bit for each message: 1 if the message is bad
	$self->_copy(
		'chaos.published',
		sub {
			return unless $count-- > 0;
			my $message = $self->{messages}->next;
			vec($bad, $message->{number}, 1) = 1 unless $message->{class};
			return ($message->{number}, _digest($message), @{$message}{qw(class customer rate time)});
		});
	my $reader = $self->{kafka}->reader($self->{topic});
	$self->_copy(
		'chaos.topic',
		sub {
			my $message = $reader->next or return;
			my $number  = $self->{messages}->number_of($message->{timestamp});
			my @bytes   = vec($bad, $number, 1) ? map { _bytea($_) } @{$message}{qw(key value)} : (undef, undef);
			return (@{$message}{qw(partition offset)}, $number, _digest($message), @bytes);
		});
	return;
}

1;
