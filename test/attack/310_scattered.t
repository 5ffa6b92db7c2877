# Whatever times a producer sends, the rollup's work is in proportion to the readings, and the views answer as always.

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
my $bound = 3;         # seconds of a query, however busy the machine is; of as many marks as version 1.1 could leave, more
my $drain = 60;        # seconds, after which a tenth may be left

my $kafka = Heartbeat::Kafka->new('scattered');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('scattered', kafka => $kafka);

my $published = 0;
my $now       = int(time / 60) * 60;

# Publishes $count messages as one batch; the n-th is of the time that the function gives, as RFC 3339.
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

# While the rollup works, the queries answer; after a minute at most a tenth of the backlog is left.
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
	cmp_ok($left, '<=', $count / 10, "$what: the rollup is done in a minute");
	cmp_ok($slowest{$_}, '<', $bound, "$what: $_ was there at once") for sort keys %slowest;
	return $node->assert_summary("$what: the summary is exact");
}

# Over nine thousand years; over the last year, one a minute, in weeks that are made for them; and where there is no week.
my %times = (
	years   => sub { my ($n) = @_; return sprintf '%04d-%02d-%02dT%02d:%02d:%02dZ', 500 + ($n * 7919) % 9000, 1 + $n % 12, 1 + $n % 28, $n % 24, $n % 60, $n / 400 },
	year    => sub { my ($n) = @_; return reading_time($now - 60 * 26 * (($n * 7919) % $count), $n) },
	default => sub { my ($n) = @_; return reading_time($now - 20 * 365 * 86400 + 60 * (($n * 7919) % $count), $n) });

for my $name (qw(years year default))
{
	publish($name, $times{$name});
	$node->assert_summary("$name: the summary is exact at once");
	cmp_ok($node->count('heartbeat_stale_minutes'), '<=', 10, "$name: no minute is marked for a reading");
	assert_in_proportion($name);
}

# A trigger may change each heart rate, which only the database knows then.
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

# Marks that are there from before, each of a minute of its own, and others that lie together.
$node->query(q{INSERT INTO heartbeat_stale_minutes (minute_bucket, marked_at) SELECT minute_bucket, now() - interval '1 hour' FROM heartbeat_rollup
	GROUP BY 1 ORDER BY random() LIMIT 20000});
$node->query(q{SELECT heartbeat_wake_workers()});
$bound = 8;
assert_in_proportion('marks from before');
$bound = 3;

# A crowd's minute is marked, once: what comes late is added, and the minute is not read again and again.
publish('crowd', sub { my ($n) = @_; return reading_time($now - 3600, $n) }, 1_000_000);
is($node->query('SELECT count(*), count(DISTINCT minute_bucket) FROM heartbeat_stale_minutes') =~ s/^\d+\|//r, 1, 'a crowd\'s minute is marked');
$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
$node->query(q{SELECT heartbeat_wake_workers()});
assert_in_proportion('a crowd');
$count = 600;
for my $late (1 .. 3)
{
	publish('late', sub { my ($n) = @_; return reading_time($now - 3600 + $late, $n) }, 1_000_000);
	is($node->count('heartbeat_stale_minutes'), 0, 'a crowd that comes late to it is added');
}
$node->assert_summary('and the summary is exact');
is($node->query('SELECT sum(difference) FROM heartbeat_audit()'), 0, 'the audit shows no difference');
is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'nor does that of the tables');
$node->assert_no_crash;

done_testing();
