# A schema registry does not answer, or answers with an error or with nonsense. The sources that wait for a schema are then
# CONNECTING, and the reason names the problem. These sources store nothing, and no message becomes a dead letter. Meanwhile the
# worker reads other sources. When the registry answers again, the sources continue. A worker asks the registry only for schemas
# that it does not have.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Formats qw(add_source avro counted formats_begin source_is stored);
use Heartbeat::Reading;
use Heartbeat::RegistryFront;

my ($kafka, $registry, $node, $publisher) = formats_begin('away', { settings => { 'heartbeat.workers' => 2 } }, 'away', 'json', 'killed', 'fetched');
my @mapping = (format => 'avro', mapping => { customer_id => '/id', device_id => 'key', heart_rate => '/bpm', event_timestamp => { at => '/at', unit => 's' } });
my $time = int time;

# The versions of the schema differ in a field that the mapping does not read.
sub version { my ($n) = @_; return avro('Beat', id => 'string', bpm => 'double', at => 'long', map { ("extra$_" => { type => [ 'null', 'int' ], default => undef }) } 1 .. $n); }
sub beats { my ($prefix, @numbers) = @_; return map { { key => 'device', value => { id => "$prefix-$_", bpm => 60 + $_, at => $time } } } @numbers; }

my $sent = 0;
sub other_source_reads
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begun = time;
	$kafka->produce('json', map { { value => reading("other-$_", 70, reading_time($time)) } } $sent + 1 .. $sent + 10);
	$sent += 10;
	$node->wait_for_query(counted('json'), $sent, "another source is read $what");
	return cmp_ok(time - $begun, '<', 5, sprintf 'without a delay: %.1f s', time - $begun);
}
sub dead_letters { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; return is($node->count('heartbeat_dead_letters'), 0, "no message is a dead letter $what"); }
sub waits
{
	my ($source, $reason) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query(source_is($source), qr/^CONNECTING\|$reason/, "the source $source is CONNECTING, with the reason");
}
# Passes when the worker has read $messages messages of the source. The function does not count stored readings: if several
# sources read one topic, only one of them stores a reading, and the others count a duplicate.
sub has_read
{
	my ($source, $messages, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query("SELECT coalesce(sum(messages), 0) FROM heartbeat_offsets WHERE source = '$source'", $messages, $what);
}

add_source($node, 'json', topic => 'json');

# A front is an HTTP server between heartbeat and the registry. Each source has its own front, which behaves in one of these
# ways. The value is a pattern that the reason of the source must match.
my %behaviors = (
	'error 500'                          => 'answer.*500',
	'error 503'                          => 'answer.*503',
	'error 401'                          => 'answer.*401',
	'error 429'                          => 'answer.*429',
	'error 404'                          => 'answer.*404.*error_code',
	'text rubbish'                       => '.*JSON',
	'text {}'                            => '.*has no schema',
	'text {"schema":7}'                  => '.*has no schema',
	'text {"schema":"","references":{}}' => '.+',
	'drop'                               => '.+',
	'hold'                               => '.*has not answered in time',
	'trickle'                            => '.*has not answered in time',
	'endless'                            => '.+');
$publisher->publish('away', { format => 'avro', schema => version(0) }, undef, beats('away', 1 .. 50));
my %front = map { $_ => Heartbeat::RegistryFront->new($registry->url) } sort keys %behaviors;
for my $behavior (sort keys %behaviors)
{
	$front{$behavior}->behave($behavior);
	add_source($node, $behavior, topic => 'away', schema_registry => $front{$behavior}->url, @mapping);
}
for my $behavior (sort keys %behaviors)
{
	$node->wait_for_query(source_is($behavior) =~ s/source = '.*'/source = \$\$$behavior\$\$/r, qr/^CONNECTING\|.*\Q127.0.0.1:$front{$behavior}{port}\E/, "the source is CONNECTING: $behavior");
	note $node->query(source_is($behavior) =~ s/source = '.*'/source = \$\$$behavior\$\$/r);
	like($node->query(source_is($behavior) =~ s/source = '.*'/source = \$\$$behavior\$\$/r), qr/$behaviors{$behavior}/, "the reason says what is wrong: $behavior");
}
other_source_reads('while thirteen sources wait for registries');
dead_letters('because of these answers');
is($node->query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'away' AND next_offset > 0"), 0, 'no waiting source has advanced its offset');
$node->wait_for_query("SELECT count(*) FROM heartbeat_partitions WHERE topic = 'away' AND lag_messages = 50", scalar keys %behaviors, 'heartbeat_partitions shows the lag of each waiting source');
$node->wait_for_state('CONNECTING', undef, 'heartbeat_status shows that a source waits');
$_->behave('pass') for values %front;
has_read($_, 50, "the source is read when its registry answers: $_") for sort keys %behaviors;
is(stored($node, 'away-') =~ tr/\n//, 49, 'each reading is stored once');
is($node->query("SELECT count(DISTINCT schema) || ' ' || count(*) FROM heartbeat_schemas"), '1 ' . keys %behaviors, 'each registry has its own row in heartbeat_schemas');

# A source has several URLs of registries. The worker needs an answer from only one of these registries.
my $front = $front{drop};
$front->behave('error 500');
add_source($node, 'several', topic => 'away', schema_registry => 'http://127.0.0.1:1, ' . $front->url . ', ' . $registry->url, @mapping);
has_read('several', 50, 'if the first registries of the list are away, the next one is asked');

# No server listens at the registry's address. Later the source gets the right address.
add_source($node, 'refused', topic => 'away', schema_registry => 'http://127.0.0.1:1', @mapping);
waits('refused', '.*(?:refused|connect)');
$node->query(qq{SELECT heartbeat_alter_source('refused', schema_registry => '@{[ $registry->url ]}')});
has_read('refused', 50, 'the source is read with another address');

# The registry is killed. The source still reads messages with a known schema. The source waits at the first message with an
# unknown schema.
#
# The restarted registry has lost its schemas. If it answered that a schema does not exist, the messages would become dead
# letters. So until the schemas are registered again, the front answers like a proxy whose server does not run.
my $proxy = Heartbeat::RegistryFront->new($registry->url);
add_source($node, 'killed', topic => 'killed', schema_registry => $proxy->url, @mapping);
$publisher->publish('killed', { format => 'avro', schema => version(0) }, undef, beats('killed', 1 .. 20));
has_read('killed', 20, 'the source is read before the registry is killed');
my $first  = $registry->register('killed-value', 'AVRO', version(0));
my $second = $registry->register('killed-value', 'AVRO', version(1));
my $third  = $registry->register('killed-value', 'AVRO', version(2));
$registry->kill9;
$publisher->publish('killed', { format => 'avro', schema => version(0) }, undef, beats('killed', 21 .. 40));
has_read('killed', 40, 'a killed registry is not needed for a known schema');
$publisher->publish('killed', { format => 'avro', schema => version(0) },                             undef, beats('killed', 41 .. 50));
$publisher->publish('killed', { format => 'avro', schema => version(1), bare => \1, id => $second }, undef, beats('killed', 51 .. 60));
waits('killed', "cannot load schema $second: .*answer.*502");
$node->wait_for_query("SELECT lag_messages FROM heartbeat_source_status WHERE source = 'killed'", 10, 'the lag of the source that waits is shown');
$publisher->publish('killed', { format => 'avro', schema => version(0) }, undef, beats('killed', 61 .. 70));
$node->wait_for_query("SELECT lag_messages FROM heartbeat_source_status WHERE source = 'killed'", 20, 'the lag of the source that waits grows with each message');
has_read('killed', 50, 'the messages before the one with an unknown schema are stored, and none after it');
other_source_reads('while the registry is killed');
$proxy->behave('error 502');
$registry->start;
# after a restart the registry gives the same ids if the test registers the same schemas in the same order
$registry->register('away-value', 'AVRO', version(0));
is(join(' ', map { $registry->register('killed-value', 'AVRO', version($_)) } 0 .. 2), join(' ', $first, $second, $third), 'the registry gives the same ids again');
$proxy->behave('pass');
has_read('killed', 70, 'the source is read when the registry has started again');

# The registry is frozen while a worker waits for its answer. Later the registry continues.
$registry->freeze;
$publisher->publish('killed', { format => 'avro', schema => version(2), bare => \1, id => $third }, undef, beats('killed', 71 .. 80));
waits('killed', '.*has not answered in time');
other_source_reads('while the registry is frozen');
dead_letters('while a registry is killed or frozen');
$node->restart;
waits('killed', '.*has not answered in time');
other_source_reads('after a restart of the server');
$registry->thaw;
has_read('killed', 80, 'the source is read when the registry continues');
is(stored($node, 'killed-') =~ tr/\n//, 79, 'each reading is stored once, although the registry was killed and frozen');

# A worker is killed after the registry has answered, and before the schema is stored. To make this possible, the lock of
# another session makes the worker wait between these two steps.
my $fetched = $registry->register('fetched-value', 'AVRO', version(5));
add_source($node, 'fetched', topic => 'fetched', schema_registry => $registry->url, @mapping);
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('heartbeat'), '-c', 'BEGIN; LOCK TABLE heartbeat_schemas IN EXCLUSIVE MODE; SELECT pg_sleep(60)' ], '>', \my $out, '2>', \my $error);
$node->wait_for_query("SELECT count(*) FROM pg_locks WHERE relation = 'heartbeat_schemas'::regclass AND mode = 'ExclusiveLock' AND granted", 1, 'a session has locked the table');
# The worker waits for the lock for only 100 ms. So this function looks for a waiting worker in a loop, and returns its process
# id.
$node->query(q{CREATE FUNCTION waiting_worker() RETURNS integer LANGUAGE plpgsql AS $$
	DECLARE found integer;
	BEGIN
		FOR i IN 1 .. 60000 LOOP
			SELECT pid INTO found FROM pg_locks WHERE relation = 'heartbeat_schemas'::regclass AND mode = 'RowExclusiveLock' AND NOT granted;
			EXIT WHEN found IS NOT NULL;
			PERFORM pg_sleep(0.001);
		END LOOP;
		RETURN found;
	END $$});
my $watch = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('heartbeat'), '-c', 'SELECT waiting_worker()' ], '>', \my $pid, '2>', \my $watch_error);
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT waiting_worker()' AND state = 'active'", 1, 'a session waits for the worker');
$publisher->publish('fetched', { format => 'avro', schema => version(5) }, undef, beats('fetched', 1 .. 20));
$watch->finish;
like($pid, qr/^\d+$/, 'a worker has the answer of the registry, and waits to store it');
$node->kill_process($pid);
eval { $session->finish };
has_read('fetched', 20, 'the source is read after its worker was killed between the answer and the row');
is($node->query("SELECT count(*) FROM heartbeat_schemas WHERE id = $fetched AND schema_registry = '@{[ $registry->url ]}'"), 1, 'the schema is stored once');
is(stored($node, 'fetched-') =~ tr/\n//, 19, 'each reading is stored once');
dead_letters('in the whole test');

$node->assert_audit;
$node->assert_no_crash;
$node->stop;
done_testing();
