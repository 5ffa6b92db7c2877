# A producer can send any event time. The work of the rollup is always proportional to the number of readings, and the views
# always answer in time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $count = 20_000;
my $bound = 3;    # the longest time of a query in seconds, on a busy machine; the last test has more stale minutes, and allows 8 seconds
my $drain = 60;    # after so many seconds, at most a tenth of the backlog may remain

my $kafka = Heartbeat::Kafka->new('scattered');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('scattered', kafka => $kafka);

my $published = 0;
my $now       = int(time / 60) * 60;

# Publishes $count messages as one batch. $time_of->(n) returns the event time of the n-th message in RFC 3339.
sub publish
{
	my ($what, $time_of, $customers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->query('SELECT heartbeat_pause()');
	$kafka->produce('heartbeat-events',
		map { { value => reading('C' . ($published + $_) % ($customers // 500), 60 + $_ % 60, $time_of->($_)) } } 0 .. $count - 1);
	$node->query('SELECT heartbeat_resume()');
	$published += $count;
	$node->wait_for_offsets('heartbeat-events', $published);
	return;
}

my %queries = (
	'the whole summary'                 => 'SELECT count(*), sum(reading_count), sum(avg_bpm) FROM vw_customer_bpm_summary',
	'the summary of a customer'         => "SELECT count(*), sum(reading_count) FROM vw_customer_bpm_summary WHERE customer_id = 'C7'",
	'the summary of the last hour'      => "SELECT count(*), sum(reading_count) FROM vw_customer_bpm_summary WHERE minute_bucket > now() - interval '1 hour'",
	'the pipeline\'s summary'           => 'SELECT count(*) FROM vw_pipeline_summary');

# Passes when the queries answer in time while the rollup works, and when at most a tenth of the backlog remains after a
# minute.
sub assert_in_proportion
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $began   = time;
	my $backlog = 'SELECT (SELECT count(*) FROM heartbeat_rollup_pending WHERE reading_count > 0) + (SELECT count(*) FROM heartbeat_stale_minutes)';
	my ($most, %slowest) = (0);
	my $left;
	do
	{
		for my $name (sort keys %queries)
		{
			my $asked = time;
			$node->query($queries{$name});
			my $took = time - $asked;
			$slowest{$name} = $took if $took > ($slowest{$name} // 0);
		}
		$left = $node->query($backlog);
		$most = $left if $left > $most;
	} until ($left == 0 || time - $began > $drain);
	note sprintf '%s: %d left after %.1f s; %s', $what, $left, time - $began, join ', ', map { sprintf '%s %.2f s', $_, $slowest{$_} } sort keys %slowest;
	cmp_ok($left, '<=', $count / 10, "$what: the rollup is done within a minute");
	cmp_ok($slowest{$_}, '<', $bound, "$what: $_ answers within $bound seconds") for sort keys %slowest;
	return $node->assert_summary("$what: the summary is exact");
}

# `years` has event times over nine thousand years. `year` has event times over the last year, each in another minute. The weeks
# of these event times get table partitions. `default` has event times in weeks that get no table partition.
my %times = (
	years   => sub { my ($n) = @_; return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', 500 + ($n * 7919) % 9000, 1 + $n % 12, 1 + $n % 28, $n % 24, $n % 60, $n / 400 },
	year    => sub { my ($n) = @_; return reading_time($now - 60 * 26 * (($n * 7919) % $count), $n) },
	default => sub { my ($n) = @_; return reading_time($now - 20 * 365 * 86400 + 60 * (($n * 7919) % $count), $n) });

for my $name (qw(years year default))
{
	publish($name, $times{$name});
	$node->assert_summary("$name: the summary is exact at once");
	cmp_ok($node->count('heartbeat_stale_minutes'), '<=', 10, "$name: the readings mark no minutes");
	assert_in_proportion($name);
}

# A trigger changes each heart rate, so the worker does not know the stored heart rates. The rollup must read the heart rates from
# the tables.
$node->query(q{CREATE FUNCTION correct() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.heart_rate := NEW.heart_rate + 0.5; RETURN NEW; END $$});
$node->query('CREATE TRIGGER correct BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION correct()');
for my $name (qw(years default))
{
	my $time_of = $times{$name};
	publish($name, sub { my ($n) = @_; return $time_of->($n) =~ s/-(\d\d)T/sprintf '-%02dT', 1 + $1 % 28/er });
	$node->assert_summary("$name, with a trigger: the summary is exact at once");
	assert_in_proportion("$name, with a trigger");
}
$node->query('DROP TRIGGER correct ON heartbeat_records');

# Inserts many minutes into heartbeat_stale_minutes before the rollup begins. Some of these minutes follow each other
# directly.
$node->query(q{INSERT INTO heartbeat_stale_minutes (minute_bucket, marked_at) SELECT minute_bucket, now() - interval '1 hour' FROM heartbeat_rollup
	GROUP BY 1 ORDER BY random() LIMIT 20000});
$node->query(q{SELECT heartbeat_wake_workers()});
$bound = 8;
assert_in_proportion('stale minutes before the rollup');
$bound = 3;

# One minute has readings of many customers. Until the rollup has this minute, a batch only marks the minute in
# heartbeat_stale_minutes. After that, readings of the minute are late. A batch inserts the sums of late readings into
# heartbeat_rollup_pending, and does not mark the minute. So the rollup does not read all readings of the minute again.
publish('crowd', sub { my ($n) = @_; return reading_time($now - 3600, $n) }, 1_000_000);
is($node->query('SELECT count(*), count(DISTINCT minute_bucket) FROM heartbeat_stale_minutes') =~ s/^\d+\|//r, 1, 'one minute of many customers is stale');
$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
$node->query(q{SELECT heartbeat_wake_workers()});
assert_in_proportion('a crowd');
$count = 600;
for my $late (1 .. 3)
{
	publish('late', sub { my ($n) = @_; return reading_time($now - 3600 + $late, $n) }, 1_000_000);
	is($node->count('heartbeat_stale_minutes'), 0, 'late readings of many customers mark no minute');
}
$node->assert_summary('the summary is exact after late readings of many customers');
is($node->query('SELECT sum(difference) FROM heartbeat_audit()'), 0, 'the audit shows no difference');
is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'the audit of the tables shows no difference');
$node->assert_no_crash;

done_testing();
