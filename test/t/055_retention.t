# While readings arrive, the maintenance worker rolls up minutes, drops the table partitions of old weeks, and creates table
# partitions in advance. No batch takes longer than the limit below. If a dashboard or a dump reads the tables, retention waits,
# but no batch waits.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

# The limit for the duration of a batch is 500 ms on a machine that also runs other tests. On a machine that runs only this
# test, ALONE=1 sets the limit to 50 ms.
my $bound = $ENV{ALONE} ? 0.05 : 0.5;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('retention');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node  = Heartbeat::Cluster->create('retention', kafka => $kafka, owner => 'heartbeat_owner', settings => { 'heartbeat.log_summary' => '1s', 'heartbeat.workers' => 2 });
my $now   = int(time);
my $weeks = 12;

# Publishes normal readings and anomalies of weeks that are at least three months old.
$kafka->produce($topic, map { my $week = $_; reading_stream(4000, 2, start => $now - (12 + $week) * 7 * 86400) } 1 .. $weeks);
$node->wait_for_offsets($topic, 2000 * $weeks, 2000 * $weeks);
my $old = "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'heartbeat_records'::regclass"
  . " AND c.relname < 'heartbeat_records' || to_char(now() - interval '70 days', '_IYYY\"w\"IW')";
cmp_ok($node->query($old), '>=', $weeks, 'table partitions of old weeks exist');

# Two thousand readings arrive each second.
my $generator = "$FindBin::RealBin/../../build/generator/heartbeat-generator";
my $printed   = '';
my $stream    = IPC::Run::start([ $generator, '-b', $kafka->brokers, '--topic', $topic, '--customers', 100, '--rate', 2000, '--duration', 600 ],
	'<', \undef, '>', \$printed, '2>&1');
$node->wait_for_query("SELECT sum(next_offset) > 4000 * $weeks + 2000 FROM heartbeat_offsets", 't', 'readings arrive');

# longest() returns two values for the batches since begin(): the duration of the longest batch in seconds, and the number of
# batches. The duration is the upper bound of a histogram bucket, so it can be longer than the batch.
my %before;
sub begin { %before = batches(); return; }
sub batches { return map { split /\|/ } split /\n/, $node->query("SELECT labels->>'le', value FROM heartbeat_metrics WHERE name = 'heartbeat_batch_seconds_bucket'"); }
sub longest
{
	my %now   = batches();
	my $count = $now{'+Inf'} - $before{'+Inf'};
	my ($longest) = grep { $_ eq '+Inf' || $now{$_} - $before{$_} == $count } sort { ($a eq '+Inf') <=> ($b eq '+Inf') || $a <=> $b } keys %now;
	return ($longest, $count);
}
sub no_batch_waits
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	usleep(300_000);    # in this time a batch that waits now can end, so that longest() counts the batch
	my ($longest, $count) = longest();
	note "$what: $count batches, each within $longest s";
	cmp_ok($count, '>', 10, "$what: readings were stored meanwhile") || diag $printed;
	return cmp_ok($longest, '<=', $bound, 'no batch took longer than the limit');
}

begin();
usleep(2_000_000);
no_batch_waits('without retention');

# Marks every minute as stale, including the current minute, so that the maintenance worker rolls up all minutes again.
begin();
my $marked = $node->query(q{WITH marked AS (INSERT INTO heartbeat_stale_minutes (minute_bucket, marked_at)
	SELECT DISTINCT date_trunc('minute', event_timestamp), now() - interval '1 hour' FROM heartbeat_records RETURNING 1) SELECT count(*) FROM marked});
cmp_ok($marked, '>', $weeks, 'many minutes are marked');
$node->query('SELECT heartbeat_wake_workers()');
$node->wait_for_query("SELECT count(*) FROM heartbeat_stale_minutes WHERE marked_at < now() - interval '30 minutes'", 0, 'the maintenance worker rolls up the marked minutes');
no_batch_waits('minutes are rolled up');

begin();
$node->set('heartbeat.retention' => '70d');
$node->wait_for_query($old, 0, 'the maintenance worker drops the old weeks');
no_batch_waits('weeks with data are dropped');

begin();
cmp_ok($node->query("SELECT heartbeat_make_partitions(now() + interval '30 days', now() + interval '100 days')"), '>=', 30, 'table partitions are made in advance');
no_batch_waits('table partitions are made in advance');

# A session reads the tables for a long time. Because of this session, retention cannot get its locks on the tables. Ingest does
# not wait for retention.
$node->query("SELECT heartbeat_make_partitions(now() - interval '130 days', now() - interval '100 days')");
my $reader = $node->background_psql('heartbeat');
$reader->query_safe('BEGIN; SELECT FROM heartbeat_records LIMIT 1');
begin();
like($node->query_error('SELECT * FROM heartbeat_apply_retention()'), qr/lock timeout/, 'heartbeat_apply_retention() fails with a lock timeout while a session reads the tables');
no_batch_waits('retention waits for a reader');
$reader->quit;
$node->query('SELECT * FROM heartbeat_apply_retention()');
is($node->query($old), 0, 'heartbeat_apply_retention() succeeds after the reader has ended');

# A transaction writes to heartbeat_control and stays open. Retention waits for this transaction, but ingest does not wait for
# retention.
$node->query("SELECT heartbeat_make_partitions(now() - interval '130 days', now() - interval '100 days')");
my $writer = $node->background_psql('heartbeat');
$writer->query_safe('BEGIN; SELECT heartbeat_resume()');
begin();
like($node->query_error('SELECT * FROM heartbeat_apply_retention()'), qr/lock timeout/, 'heartbeat_apply_retention() fails with a lock timeout while such a transaction is open');
no_batch_waits('retention waits for a transaction that writes to heartbeat_control');
$writer->quit;

# Each batch takes a quarter of a second, and each worker has a backlog, so it begins its next batch at once. Retention waits
# for the current batches, and the next batches wait for retention.
$node->query("SELECT heartbeat_make_partitions(now() - interval '130 days', now() - interval '100 days')");
$node->set('heartbeat.batch_size' => 100);
$node->query('CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.25); RETURN NEW; END$$');
$node->query('CREATE TRIGGER slow BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW EXECUTE FUNCTION slow()');
$node->wait_for_query('SELECT count(*) FROM heartbeat_partitions WHERE lag_messages > 500', 2, 'both workers have a backlog');
is($node->query_error('SELECT * FROM heartbeat_apply_retention()'), '', 'heartbeat_apply_retention() succeeds between slow batches');
is($node->query($old), 0, 'heartbeat_apply_retention() has dropped the old weeks');
$node->query('DROP TRIGGER slow ON heartbeat_offsets');
$node->set('heartbeat.batch_size' => 20_000);

# Two sessions apply retention at the same time, for example a person's session and the maintenance worker. The second session
# waits up to 30 seconds for the first session. A session that only reads the tables makes heartbeat_apply_retention() fail much
# sooner.
my ($first, $second) = map { $node->background_psql('heartbeat') } 1, 2;
$first->query_safe('BEGIN; SELECT * FROM heartbeat_apply_retention()');
$second->query_until(qr/begun/, "\\echo begun\nSELECT * FROM heartbeat_apply_retention();\n");
$node->wait_for_query(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%apply_retention%'
	AND query_start < clock_timestamp() - interval '1.5 s'}, 1, 'the second heartbeat_apply_retention() waits for the first');
$first->query_safe('COMMIT');
is($second->query_safe('SELECT 1') =~ /1$/ ? 1 : 0, 1, 'the second heartbeat_apply_retention() succeeds');
$_->quit for $first, $second;

$stream->signal('INT');
eval { $stream->finish };
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit of the counters shows no difference');
note join '', grep { /longest/ } split /^/, slurp_file($node->logfile);
$node->assert_no_crash;
$kafka->stop;
done_testing();
