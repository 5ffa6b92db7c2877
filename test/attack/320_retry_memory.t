# A retry of large dead letters keeps at most a few megabytes of these dead letters in memory. The duration of a retry is
# proportional to the number of dead letters.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;

my $node = Heartbeat::Cluster->create('retry_memory', settings => { shared_buffers => '16MB', fsync => 'off' });
$node->query("INSERT INTO heartbeat_offsets (topic, partition, first_offset, next_offset, dead_letters) VALUES ('t', 0, 0, 2000, 2000)");

my $letters = 0;

# Adds dead letters. A retry can decode three of every four dead letters. The fourth dead letter stays invalid. $bytes is an
# SQL expression for the size of the n-th dead letter.
sub add_letters
{
	my ($count, $bytes) = @_;
	$node->query(
		qq(INSERT INTO heartbeat_dead_letters (topic, partition, "offset", key, payload, error_code, error_text)
		   SELECT 't', 0, n, 'key', convert_to('{"customer_id":"C' || n || '","heart_rate":' || CASE n % 4 WHEN 0 THEN '"' ELSE '70' END
		       || ',"event_timestamp":"2026-11-22T14:39:02Z","pad":"' || repeat(md5(n::text), ($bytes) / 32) || '"}', 'UTF8'), 'INVALID_JSON', 'text'
		   FROM generate_series($letters + 1, $letters + $count) n));
	$letters += $count;
	return;
}

# Retries the dead letters in a session. Returns the answer, the megabytes by which the session's peak memory grew, and the
# duration in seconds.
sub retry
{
	my $session = $node->background_psql('heartbeat');
	my $pid     = $session->query_safe('SELECT pg_backend_pid()');
	# This call plans the statement and loads the library before the measurement.
	$session->query_safe('SELECT * FROM heartbeat_retry_dead_letters(ids => ARRAY[0])');
	$session->query_safe('SELECT sum(length(payload)) FROM heartbeat_dead_letters WHERE "offset" = 1');
	my $peak   = sub { (slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m)[0] };
	my $before = $peak->();
	my $began  = time;
	my $answer = $session->query_safe('SELECT resolved, remaining, remaining_errors FROM heartbeat_retry_dead_letters()');
	my $seconds = time - $began;
	my $grown   = ($peak->() - $before) / 1024;
	$session->quit;
	note sprintf '%s: %.1f MB more, %.2f s', $answer, $grown, $seconds;
	return ($answer, $grown, $seconds);
}

add_letters(250, 1_000_000);
my ($answer, $grown, $seconds_250) = retry();
is($answer, '188|62|{"INVALID_JSON": 62}', '250 dead letters of a megabyte are retried');
cmp_ok($grown, '<', 64, 'a retry of 250 dead letters takes less than 64 MB');
$node->query('DELETE FROM heartbeat_dead_letters WHERE resolved_at IS NULL');

add_letters(500, 1_000_000);
($answer, $grown, my $seconds_500) = retry();
is($answer, '375|125|{"INVALID_JSON": 125}', '500 dead letters of a megabyte are retried');
cmp_ok($grown, '<', 64, 'a retry of 500 dead letters takes less than 64 MB');
cmp_ok($seconds_500, '<', 3 * $seconds_250 + 0.5, 'the time of a retry grows with the number of dead letters');
$node->query('DELETE FROM heartbeat_dead_letters WHERE resolved_at IS NULL');

# A few large dead letters among many small ones. The largest dead letters have more bytes than a retry reads in one step.
add_letters(1100, 'CASE WHEN n % 100 = 7 THEN 3000000 WHEN n % 550 = 9 THEN 12000000 ELSE 40 END');
($answer, $grown) = retry();
is($answer, '825|275|{"INVALID_JSON": 275}', 'small and large dead letters are retried');
cmp_ok($grown, '<', 160, 'the retry takes about as much memory as the largest dead letter');

is( $node->query('SELECT count(*), count(DISTINCT customer_id), sum(o.records), sum(o.dead_letters) FROM heartbeat_records, LATERAL (SELECT records, dead_letters FROM heartbeat_offsets LIMIT 1) o')
	  =~ s/\|\d+\|\d+$//r, '1388|1388', 'each repaired reading is stored once');
is($node->query('SELECT records, dead_letters FROM heartbeat_offsets'), '1388|612', 'each resolved dead letter is counted once');

# A retry locks its dead letters, so another session waits until the retry's transaction ends.
my $holder = $node->background_psql('heartbeat');
$holder->query_safe('BEGIN; SELECT * FROM heartbeat_retry_dead_letters()');
like($node->query_error(q{SET lock_timeout = '100ms'; UPDATE heartbeat_dead_letters SET payload = '' WHERE resolved_at IS NULL}),
	qr/lock timeout/, 'the dead letters of a retry are locked until its transaction ends');
$holder->query_safe('ROLLBACK');
$holder->quit;
$node->assert_no_crash;

done_testing();
