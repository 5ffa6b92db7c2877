# The test calls functions with arguments at the limits of their types, and calls functions very many times. A function returns
# soon, or its error names the allowed values. No stored value breaks a view. No role can remove its own actions from
# heartbeat_events.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Runbook;

my $node = Heartbeat::Cluster->create('arguments');
for my $role (qw(heartbeat_reader heartbeat_operator))
{
	$node->query($_) for grep { /\S/ } split /;\n/, grants_of($role);
}
my $operator = 'SET ROLE heartbeat_operator;';

# Returns the result of a statement. If the statement fails, returns the error, which begins with the SQLSTATE. A statement
# that takes longer than five seconds fails.
sub answer
{
	my ($sql) = @_;
	my ($status, $answer, $error) = $node->psql('heartbeat', "SET statement_timeout = '5s'; $sql",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return $status == 0 ? $answer : $error =~ s/.*ERROR:\s+//sr;
}

# For these time spans heartbeat_make_partitions() returns 0, or its error names the allowed years or the allowed number of
# weeks.
my %times = (
	'from the beginning'       => "'-infinity', now()",
	'to the end'               => "now(), 'infinity'",
	'all of time'              => "'-infinity', 'infinity'",
	'before time'              => "'-infinity', '-infinity'",
	'after time'               => "'infinity', 'infinity'",
	'reversed infinities'      => "'infinity', '-infinity'",
	'the last day there is'    => "'294276-12-31 23:59:59+00', '294276-12-31 23:59:59+00'",
	'the last years there are' => "'294270-01-01', '294276-12-31 23:59:59+00'",
	'eleven years'             => "now(), now() + interval '11 years'",
	'nothing and a time'       => 'NULL, now()',
	'a time and nothing'       => 'now(), NULL',
	'nothing'                  => 'NULL, NULL',
	'reversed'                 => "now(), now() - interval '1 year'");
for my $what (sort keys %times)
{
	like(answer("SELECT heartbeat_make_partitions($times{$what})"), qr/^0$|^22\w{3}: .*(year|\d{4})/s, "heartbeat_make_partitions, $what");
}
like(answer("SELECT heartbeat_make_partitions($_, $_)"), qr/^\d+$|^22\w{3}: .*(year|\d{4})/s, "heartbeat_make_partitions($_) ends")
	for "'4714-11-24 00:00+00 BC'", "'0001-01-01 BC'", "'0001-01-01'", "'9999-12-31'", "'10000-01-03'", "'99999-12-31'";
is(answer("SELECT heartbeat_make_partitions('2031-03-05', '2031-03-05')"), 3, 'heartbeat_make_partitions() still makes table partitions after these calls');

# heartbeat_move_rows() moves rows only between plain tables that the caller owns and that have the same columns.
$node->query('CREATE ROLE mover; GRANT EXECUTE ON FUNCTION heartbeat_move_rows(regclass, regclass) TO mover; CREATE TABLE theirs (i int); GRANT ALL ON theirs TO mover;
	CREATE SCHEMA mover AUTHORIZATION mover; SET ROLE mover; CREATE TABLE mover.one (i int PRIMARY KEY); INSERT INTO mover.one VALUES (1);
	CREATE TABLE mover.other (i text); CREATE VIEW mover.view AS SELECT 1 AS i; CREATE TABLE mover.two (LIKE mover.one INCLUDING ALL, CHECK (i < 2))');
like(answer("SET ROLE mover; SELECT heartbeat_move_rows($_->[0], $_->[1])"), qr/^$_->[2]: /, "heartbeat_move_rows($_->[0], $_->[1])")
	for [ "'mover.one'", "'theirs'", 42501 ], [ "'theirs'", "'mover.one'", 42501 ], [ "'mover.one'", "'mover.other'", 42804 ], [ "'mover.one'", "'mover.view'", 42809 ],
	[ 0, "'mover.one'", '42P01' ], [ "'mover.one'", "'mover.one'", 23505 ], [ "'mover.one_pkey'", "'mover.one'", 42809 ];
is(answer("SET ROLE mover; SELECT heartbeat_move_rows('mover.one', 'mover.two'); TABLE mover.two"), "1\n1", 'heartbeat_move_rows() moves a row');
like(answer("SET ROLE mover; TRUNCATE mover.two; INSERT INTO mover.one VALUES (2); SELECT heartbeat_move_rows('mover.one', 'mover.two')"), qr/^23514: /, 'heartbeat_move_rows() does not move a row that a constraint refuses');

# heartbeat accepts offsets from 0 to 10^15. A sum of larger offsets could overflow.
my $most = 1_000_000_000_000_000;
answer("$operator SELECT heartbeat_pause('to seek')");
for my $offset (9223372036854775807, 9223372036854775806, $most + 1, -1, '-9223372036854775808')
{
	like(answer("$operator SELECT * FROM heartbeat_seek(7, $offset)"), qr/^22023: .*\b$most\b/s, "heartbeat_seek() to $offset: the error names the allowed offsets");
}
is(answer("$operator SELECT new_offset FROM heartbeat_seek(7, $_)"), $_, "heartbeat_seek() goes to offset $_") for 0, $most, 0, $most;
my @views = ('heartbeat_audit()', 'heartbeat_audit_tables()', qw(heartbeat_metrics heartbeat_status heartbeat_partitions vw_pipeline_summary));
sub assert_views
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	# SELECT * computes every column of the view, and SELECT count(*) would compute no column
	for my $view (@views)
	{
		my ($status, undef, $error) = $node->psql('heartbeat', "SELECT * FROM $view");
		is("$status$error", '0', "$view $what");
	}
	return;
}
assert_views('after seeks in both directions');

my $largest = 9223372036854775807;
my @counters = qw(next_offset rewound messages ignored readings records bradycardia duplicates conflicts dead_letters empty_offsets);
$node->query("INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset) SELECT current_setting('heartbeat.topic'), n, 0, 0 FROM generate_series(0, 2) n");
for my $counter (@counters, 'dead_letters_deleted', 'conflicts_deleted')
{
	$node->query("UPDATE heartbeat_offsets SET $counter = $largest - partition WHERE partition < 3");
	my @errors = map { $node->query_error("SELECT * FROM $_") } @views;
	is(join('', @errors), '', "each view works when a superuser has set $counter near the limit of its type");
	$node->query("UPDATE heartbeat_offsets SET $counter = 0 WHERE partition < 3");
}
$node->query('UPDATE heartbeat_offsets SET ' . join(', ', map { "$_ = $largest - partition" } @counters) . ' WHERE partition < 3');
assert_views('with all counters near the limit of their types');
is($node->query('SELECT count(*) FROM heartbeat_evaluate_alerts(NULL, true)'), 1, 'heartbeat_evaluate_alerts() works with these counters');
$node->query("DELETE FROM heartbeat_offsets");

# heartbeat_events has at most 20000 rows. An operator who makes very many calls cannot remove the rows of earlier actions in this
# way. The test accepts that some of these calls fail.
$node->query("SET ROLE heartbeat_operator; SELECT heartbeat_pause('the deed'); SELECT heartbeat_seek(0, 4711)");
my $deed = "SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM heartbeat_events WHERE reason = 'the deed' OR details->>'next_offset' = '4711'";
is($node->query("$operator $deed"), 'pause seek', 'heartbeat_events records a pause and a seek of an operator');
my @floods = (
	[ 10_200, "heartbeat_pause('noise ' || n)" ],
	[ 3_500,  "heartbeat_resume(), heartbeat_pause(), heartbeat_seek(1, n % 2)" ]);
for my $flood (@floods)
{
	my ($times, $calls) = @$flood;
	# commits after each hundred calls: in one long transaction, the server could not remove the old versions of the updated row
	my $error = $node->query_error(qq{SET ROLE heartbeat_operator; DO \$\$ BEGIN
		FOR n IN 1 .. $times LOOP BEGIN PERFORM $calls; EXCEPTION WHEN OTHERS THEN NULL; END;
			IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END \$\$});
	is($error, '', "$times times $calls: no error ends the calls");
	is($node->query("$operator $deed"), 'pause seek', 'heartbeat_events still has the earlier pause and seek');
}
is($node->query('SELECT count(*) <= 20000 FROM heartbeat_events'), 't', 'heartbeat_events has at most 20000 rows');
answer("$operator SELECT heartbeat_resume()");

# The reason of a pause can have any length. Even if the reason is very long, heartbeat_events records the state PAUSED, and after
# the pause the next state.
my $state = "SELECT details->>'state' FROM heartbeat_events WHERE kind = 'state' ORDER BY id DESC LIMIT 1";
$node->set('heartbeat.brokers' => '127.0.0.1:1');    # no broker listens there
$node->wait_for_query($state, 'CONNECTING', 'heartbeat_events records CONNECTING');
my $position = $node->log_position;
answer("$operator SELECT heartbeat_pause(repeat('x', 1000000))");
$node->wait_for_query($state, 'PAUSED', 'heartbeat_events records PAUSED with a reason of a megabyte');
answer("$operator SELECT heartbeat_resume()");
$node->wait_for_query($state, 'CONNECTING', 'heartbeat_events records CONNECTING after this pause');
is($node->log_matches(qr/ERROR:/, $position), 0, 'no error is logged');

$node->assert_no_crash;
done_testing();
