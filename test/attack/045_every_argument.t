# The test calls every function, and sets every setting, with values that people type. Examples are names that do not exist, the
# limits of each type, and infinity. Other examples are NULL, an empty text and a typo. Each call ends soon, with an error that
# names the allowed values, or with an effect that can be undone. After the calls of each function, heartbeat still works. The
# test also fails if its lists of functions and settings are not complete.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('every_argument');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node = Heartbeat::Cluster->create('every_argument', kafka => $kafka, owner => 'heartbeat_owner');
my $now  = int(time);
$kafka->produce($topic, map { { partition => $_ % 2, value => reading("C$_", $_ % 7 ? 70 : 200, reading_time($now - $_)) } } 1 .. 40);
$kafka->produce($topic, { partition => 0, value => 'garbage' });
$node->wait_for_offsets($topic, 21, 20);

# The limits of each type, as SQL.
my %edges = (
	'integer'                  => [ qw(NULL -2147483648 -1 0 2 7 2147483647) ],
	'bigint'                   => [ qw(NULL -9223372036854775808 -1 0 1 1000000000000000 1000000000000001 9223372036854775807) ],
	'double precision'         => [ qw(NULL 0 -0.0 1e308 -1e308 5e-324), map { "'$_'" } qw(NaN infinity -infinity) ],
	'boolean'                  => [ qw(NULL true false) ],
	'timestamp with time zone' => [ 'NULL', 'now()', map { "'$_'" } '-infinity', 'infinity', '4714-11-24 00:00+00 BC', '0001-01-01 00:00+00 BC', '1969-12-31 23:59:59+00', '1970-01-01 00:00+00', '294276-12-31 23:59:59.999999+00' ],
	'interval'                 => [ 'NULL', map { "'$_'" } '0', '-1 day', '178000000 years', '-178000000 years', '1 microsecond' ],
	'text'                     => [ 'NULL', "''", "' '", "'no such'", "'INVALID_JSON'", "'invalid_json'", "E'a\\nb\\x01'", "'%s%n'", "'''; DROP TABLE heartbeat_records'", "repeat('x', 100000)" ],
	'jsonb'                    => [ 'NULL', "'{}'", "'[]'", "'1'", "'null'" ],
	'regclass'                 => [ 'NULL', '0', "'pg_class'", "'heartbeat_status'", "'heartbeat_records_id_seq'" ],
	'regrole'                  => [ 'NULL', '0', '4294967295' ],
	'regprocedure'             => [ 'NULL', '0', "'now()'" ],
	'text[]'                   => [ 'NULL', "'{}'", "'{NULL}'", "ARRAY[['a'],['b']]" ],
	'bigint[]'                 => [ 'NULL', "'{}'", "'{NULL}'", "'{{1},{2}}'", "'{9223372036854775807}'" ],
	'regclass[]'               => [ 'NULL', "'{}'", "'{NULL}'", "ARRAY['pg_class'::regclass]", "'{0}'" ]);

# Valid arguments for each function. The first call has these arguments. Each further call has one of the limits of a type in the
# place of one argument, and the last two calls have such values in the place of all arguments.
my ($r, $a, $u) = map { "'heartbeat_$_'" } qw(records anomalies rollup);
my %functions = (
	'add_schema(integer,text,text,text)'      => [ 7, q{'"long"'}, "'AVRO'", "'http://registry'" ],
	'add_source(text,text,jsonb,text,text,text,text,text,text,text,text,text)' => [ "'test'", "'test'", ('NULL') x 10 ],
	'actor()'                                            => [],
	'alerts_of_anomalies()'                              => [],
	'alter_source(text,text,jsonb,text,text,text,text,text,text,text,text,text)' => [ "'default'", ('NULL') x 11 ],
	'announcements_dropped()'                            => [],
	'apply_retention()'                                  => [],
	'audit()'                                            => [],
	'audit_tables()'                                     => [],
	'batch_times()'                                      => [],
	'check_cluster()'                                    => [],
	'check_objects()'                                    => [],
	'check_offset(text,integer,bigint)'                  => [ "'default'", 0, 0 ],
	'classify(double precision)'                         => [70],
	'common_trouble()'                                   => [],
	'conditions_of_dead_letters()'                       => [],
	'conditions_of_lag()'                                => [],
	'conditions_of_silence(text)'                        => ["''"],
	'conditions_of_state()'                              => [],
	'count_deleted()'                                    => [],
	'customers_after(text)'                              => ["''"],
	'distribute(integer)'                                => ['NULL'],
	'drop_moved(regclass[])'                             => ["'{}'"],
	'drop_source(text)'                                  => ["'no such'"],
	'evaluate_alerts(text,boolean)'                      => [ "''", 'true' ],
	'find_heard(text)'                                   => ["''"],
	'forget_offset(text,text,integer)'                   => [ "'default'", "'$topic'", 7 ],
	'free_copied(regclass[])'                            => ["'{}'"],
	'gather()'                                           => [],
	'heard(regclass,regclass,boolean,text[],timestamp with time zone,timestamp with time zone)' => [ $r, $a, 'false', "'{C1}'", "now() - interval '1 day'", 'now()' ],
	'ingest_state()'                                     => [],
	'is_distributed()'                                   => [],
	'is_recent(timestamp with time zone,interval)'       => [ 'now()', "'1 minute'" ],
	'is_spread(regclass)'                                => [$r],
	'kafka_offsets(timestamp with time zone,integer,text)' => [ 'now()', 0, 'NULL' ],
	'keep_original()'                                    => [],
	'leave_extension(regclass,regprocedure)'             => [ $r, "'heartbeat_mark_changed()'" ],
	'lock_control(regclass)'                             => ["'heartbeat_control'"],
	'lock_source(integer)'                               => [0],
	'maintenance_duties()'                               => [],
	'maintenance_started()'                              => [],
	'make_partitions(timestamp with time zone,timestamp with time zone)' => [ 'now()', 'now()' ],
	'make_weeks(timestamp with time zone,timestamp with time zone,regclass[],text[],boolean)' => [ 'now()', 'now()', "ARRAY[$r\::regclass, $a, $u]", "'{event_timestamp,event_timestamp,minute_bucket}'", 'false' ],
	'mark_changed()'                                     => [],
	'mark_minutes(timestamp with time zone,timestamp with time zone)' => [ 'now()', "now() + interval '1 minute'" ],
	'max_clock_skew()'                                   => [],
	'minutes_between(regclass,regclass,regclass,timestamp with time zone,timestamp with time zone)' => [ $r, $u, "'heartbeat_rollup_pending'", "now() - interval '1 day'", 'now()' ],
	'move_arrivals()'                                    => [],
	'move_offset(text,text,integer,bigint,text)'         => [ "'default'", "'$topic'", 0, 0, "'test'" ],
	'move_rows(regclass,regclass)'                       => [ "'heartbeat_records_default'", "'heartbeat_records_default'" ],
	'newest_anomalies(regclass,timestamp with time zone,timestamp with time zone,interval,text,text)' => [ $a, "now() - interval '1 day'", 'now()', "'5 minutes'", 'NULL', 'NULL' ],
	'notify(text,text)'                                  => [ "'heartbeat_test'", "'payload'" ],
	'own_changes(boolean)'                               => ['false'],
	'own_extension(regrole)'                             => ["'heartbeat_owner'"],
	'own_objects(regrole,regclass[])'                    => [ "'heartbeat_owner'", "ARRAY[$r\::regclass]" ],
	'partition_states()'                                 => [],
	'pause(text,text)'                                   => [ "'test'", 'NULL' ],
	'pause_of(text)'                                     => ["'default'"],
	'prepare_spread()'                                   => [],
	'rebuild_summary(timestamp with time zone,timestamp with time zone)' => [ "now() - interval '1 day'", 'now()' ],
	'record_all_calls(boolean)'                          => ['false'],
	'record_calls(regprocedure,boolean)'                 => [ "'heartbeat_undistribute()'", 'false' ],
	'record_event(text,text,jsonb,timestamp with time zone)' => [ "'test'", "'why'", "'{}'", 'now()' ],
	'record_rebuild(timestamp with time zone,timestamp with time zone,bigint)' => [ "now() - interval '1 day'", 'now()', 1 ],
	'record_retention(integer,bigint,bigint)'            => [ 0, 1, 1 ],
	'refuse_user_code(regclass[])'                       => ["ARRAY['heartbeat_control'::regclass]"],
	'remove_old(interval,regclass,regclass,regclass,regclass,regclass,regclass,regclass,regclass,regclass,regclass,regclass,regclass)'
	  => [ "'10 years'", map { "'heartbeat_$_'" } qw(records anomalies rollup records_default anomalies_default rollup_default rollup_pending gaps events alerts dead_letters control) ],
	'release_trigger(regclass)'                          => ["'heartbeat_records_default'"],
	'replace_default()'                                  => [],
	'replay(timestamp with time zone,timestamp with time zone,integer,text)' => [ "now() - interval '1 day'", "now() + interval '1 day'", 'NULL', 'NULL' ],
	'require(boolean,text,text,text)'                    => [ 'true', "'message'", "'invalid_parameter_value'", "'hint'" ],
	'require_pause(text)'                                => ['NULL'],
	'require_source(text)'                               => ["'default'"],
	'resume(text)'                                       => ['NULL'],
	'retry_dead_letters(text,text,integer,timestamp with time zone,timestamp with time zone,bigint[],boolean,text)' => [ ('NULL') x 8 ],
	'rows_elsewhere()'                                   => [],
	'rules_changed()'                                    => [],
	'seek(integer,bigint,text)'                          => [ 0, 0, 'NULL' ],
	'seek(timestamp with time zone,integer,text)'        => [ 'now()', 'NULL', 'NULL' ],
	'set_owner(regrole)'                                 => ["'heartbeat_owner'"],
	'silences_ended(text,text)'                          => [ "''", 'NULL' ],
	'source_states()'                                    => [],
	'spread(integer)'                                    => [4],
	'state()'                                            => [],
	'store_event(text,text,jsonb,timestamp with time zone)' => [ "'test'", "'why'", "'{}'", 'now()' ],
	'store_pause(text,text)'                             => [ "'test'", 'NULL' ],
	'store_resume(text)'                                 => ['NULL'],
	'suggest_mapping(text,text,text,text,text,integer)' => [ "'$topic'", ('NULL') x 4, '5' ],
	'summarize_minute(timestamp with time zone)'         => ['now()'],
	'summarize_partitions()'                             => [],
	'surplus_rows()'                                     => [],
	'take_arrivals()'                                    => [],
	'topic_of(text)'                                     => ["'default'"],
	'try_source(text,jsonb,text,text,text,text,text,text,integer)' => [ "'$topic'", ('NULL') x 7, '5' ],
	'undistribute()'                                     => [],
	'unproven_partitions(regclass)'                      => [$r],
	'update_alerts(text,boolean)'                        => [ "''", 'true' ],
	'upgrade_keys(integer)'                              => [1],
	'use_summary(boolean,regprocedure)'                  => [ 'false', "'heartbeat_summarize_minute(timestamptz)'" ],
	'wake_workers()'                                     => [],
	'watch_changes(regclass,regprocedure)'               => [ $r, "'heartbeat_mark_changed()'" ],
	'watch_truncates(regclass)'                          => [$r],
	'widen_keys(regclass[],boolean,integer)'             => [ "ARRAY[$r\::regclass, $a]", 'false', 1 ]);
# Only these functions have effects that the test must undo. Each row has a statement that undoes the effects of the function's
# calls.
my %undo = (
	'add_source(text,text,jsonb,text,text,text,text,text,text,text,text,text)' => "SELECT heartbeat_drop_source(name) FROM heartbeat_sources WHERE name <> 'default'",
	'alter_source(text,text,jsonb,text,text,text,text,text,text,text,text,text)' => "SELECT heartbeat_alter_source('default', '', 'null', '', '', '', '', '', '', '', '', '')",
	'pause(text,text)'                       => 'SELECT heartbeat_resume(); SELECT heartbeat_pause()',
	'resume(text)'                           => 'SELECT heartbeat_pause()',
	'seek(integer,bigint,text)'              => 'SELECT heartbeat_seek(0, 21); SELECT heartbeat_seek(1, 20)',
	'seek(timestamp with time zone,integer,text)' => 'SELECT heartbeat_seek(0, 21); SELECT heartbeat_seek(1, 20)');

my %known = map { split /\|/, $_, 2 } split /\n/, $node->query(q{SELECT substr(p.oid::regprocedure::text, 11) || '|' || (obj_description(p.oid, 'pg_proc') !~ '^Internal')
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'});
is(join(' ', grep { !$functions{$_} } sort keys %known), '', 'each function has a row in this test');
is(join(' ', grep { !defined $known{$_} } sort keys %functions), '', 'each row of this test has its function');

# attempt() executes a call, and returns the SQLSTATE, the text of the error, and the duration. If `keep` is false, attempt()
# undoes the effect of the call.
$node->query(q{CREATE FUNCTION public.attempt(call text, keep boolean, OUT code text, OUT said text, OUT seconds double precision) LANGUAGE plpgsql AS $$
	DECLARE
		began timestamptz := clock_timestamp();
		detail text;
		hint text;
		lines bigint;
	BEGIN
		BEGIN
			EXECUTE call;
			code := 'done';
			IF NOT keep THEN
				RAISE SQLSTATE 'ZZZZZ';
			END IF;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			code := CASE SQLSTATE WHEN 'ZZZZZ' THEN 'done' ELSE SQLSTATE END;
			said := left(said, 200) || ' / ' || left(detail, 200) || ' / ' || left(hint, 200);
		END;
		seconds := extract(epoch FROM clock_timestamp() - began);
	END $$});
my $fingerprint = "SELECT string_agg(partition || ':' || next_offset, ' ' ORDER BY partition) || ' ' || (SELECT bool_or(paused) FROM heartbeat_control)"
  . " || ' ' || (SELECT extowner::regrole FROM pg_extension WHERE extname = 'heartbeat') || ' ' || (SELECT count(*) FROM heartbeat_records) FROM heartbeat_offsets";
my @views = ('heartbeat_audit() WHERE difference <> 0', 'heartbeat_audit_tables() WHERE difference <> 0', qw(heartbeat_metrics heartbeat_status heartbeat_partitions vw_pipeline_summary vw_recent_anomalies vw_customer_bpm_summary heartbeat_dead_letter_summary));
sub assert_healthy
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @errors = grep { $_ ne '' } map { $node->query_error("SELECT * FROM $_") } @views;
	is("@errors", '', "$what: each view works");
	is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, "$what: the audit shows no difference");
	my $replay = "SELECT sum(messages) FROM heartbeat_replay(now() - interval '1 day', now() + interval '1 day')";
	return is($node->query($replay), 41, "$what: a replay of all messages works");
}

sub arguments_tried
{
	my ($signature) = @_;
	my @good  = @{ $functions{$signature} };
	my @types = $signature =~ /\((.+)\)/ ? split(/,/, $1) : ();
	my @tried = [@good];
	for my $i (0 .. $#types)
	{
		push @tried, map { my @one = @good; $one[$i] = $_; [@one] } @{ $edges{ $types[$i] } // die "no edges of type $types[$i]" };
	}
	push @tried, [ map { $edges{$_}[-1] } @types ], [ map { 'NULL' } @types ] if @types > 1;
	return map { my @one = @$_; join ', ', map { "($one[$_])::$types[$_]" } 0 .. $#one } @tried;
}

$node->query("SELECT heartbeat_pause()");
my $before = $node->query($fingerprint);
my $calls  = 0;
for my $signature (sort keys %functions)
{
	next unless defined $known{$signature};
	my ($name) = $signature =~ /^(\w+)/;
	my $people = $known{$signature} eq 'true' && $name !~ /^(?:set_owner|(?:un)?distribute)$/ ? 'true' : 'false';
	my $values = join ', ', map { 'E' . "'" . s/([\\'])/\\$1/gr . "'" } map { "SELECT * FROM heartbeat_$name($_)" } arguments_tried($signature);
	my ($status, $out, $error) = $node->psql('heartbeat', "SET client_min_messages = error; SET statement_timeout = '60s';
		SELECT a.code, round(a.seconds::numeric, 1), replace(c, E'\\n', ' ') || ' => ' || coalesce(replace(a.said, E'\\n', ' '), '')
		FROM unnest(ARRAY[$values]) WITH ORDINALITY u (c, n), LATERAL attempt(c, $people) a ORDER BY n");
	is("$status $error", '0 ', "heartbeat_$signature: all calls end");
	my @answers = map { [ split /\|/, $_, 3 ] } split /\n/, $out;
	$calls += @answers;
	my $limit = $name =~ /^(?:try_source|suggest_mapping)$/ ? 12 : 5;    # seconds; these two functions wait up to 10 seconds for brokers that do not exist
	is(join("\n", map { "@$_" } grep { $_->[1] > $limit } @answers), '', "heartbeat_$signature: each call ends within $limit seconds");
	is(join("\n", map { "@$_" } grep { $_->[0] =~ /^(?:XX|57|58|53|40)/ } @answers), '', "heartbeat_$signature: no error is an internal error of the server");
	if ($known{$signature} eq 'true')
	{
		is(join("\n", map { "@$_" } grep { $_->[0] ne 'done' && $_->[2] =~ m{ /  / $} } @answers), '', "heartbeat_$signature: each error names the allowed values, or what to do");
		is(join("\n", map { "@$_" } grep { $_->[0] =~ /^(?:42601|42703|42883|22008)/ } @answers), '', "heartbeat_$signature: no error is about a statement inside the function");
	}
	$node->query($undo{$signature}) if $undo{$signature};
	is($node->query($fingerprint), $before, "heartbeat_$signature: the effects of the calls can be undone");
	assert_healthy("after heartbeat_$name") if $people eq 'true' && $signature =~ /\(.+\)/;
}
note "$calls calls of " . keys(%functions) . ' functions';

# A seek to the last possible time goes to the end offset, because all messages are older than this time. A seek to the first
# possible time goes to the first offset, because all messages are newer than this time.
is($node->query("SELECT new_offset FROM heartbeat_seek('$_->[0]'::timestamptz, 0)"), $_->[1], "a seek to $_->[0] goes to offset $_->[1]")
  for [ '294276-12-31 23:59:59+00', 21 ], [ '4714-11-24 00:00+00 BC', 0 ], [ '294276-12-31 23:59:59+00', 21 ];
is($node->query("SELECT next_offset FROM heartbeat_kafka_offsets('$_->[0]', 0)"), $_->[1], "Kafka's offset at $_->[0] is $_->[1]") for [ 'infinity', 21 ], [ '-infinity', 0 ];

# A function refuses a partition or an offset that Kafka does not have, and names the partitions or offsets that Kafka has.
like($node->query_error('SELECT heartbeat_seek(2, 0)'), qr/has no partition 2.*partitions 0 to 1/s, 'the error of heartbeat_seek() names the existing partitions');
like($node->query_error('SELECT heartbeat_seek(0, 22)'), qr/does not hold offset 22.*offsets 0 to 20/s, 'the error of heartbeat_seek() names the existing offsets');
like($node->query_error("SELECT heartbeat_seek(now(), $_)"), qr/has no partition $_.*partitions 0 to 1/s, "the error of a seek by time names the existing partitions when partition $_ does not exist") for 2, -1, 2147483647, -2147483648;
is($node->query($fingerprint), $before, 'the stored offsets have not changed');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('RUNNING');

# Each setting has a row with valid values, such as the limits of the setting. %illegal has invalid values for some settings, and
# for the other settings invalid values for their type (integer, bool, enum).
my %settings = (
	'batch_size'        => [ 1, 1000000 ],
	'batch_wait'        => [ 0, '60s' ],
	'brokers'           => [ '', 'localhost', '[::1]:9092', 'nowhere.invalid:1, 127.0.0.1:65535' ],
	'database'          => undef,    # needs a restart
	'dead_letter_limit' => [ 0, 2147483647 ],
	'group_id'          => [ 'g', 'x' x 255, 'a group' ],
	'kafka_config_file' => [ '', '/nowhere/at/all', '/tmp', ' ' ],
	'log_readings'      => [ 'on', 'off' ],
	'log_summary'       => [ 0, '1d' ],
	'max_clock_skew'    => [ 0, '1d' ],
	'offset_reset'      => [ 'EARLIEST', 'latest', 'error' ],
	'retention'         => [ 0, 2147483647 ],
	'pack_after'        => [ 0, 2147483647 ],
	'role'              => [ '', 'no such role', 'x' x 200 ],
	'stall_timeout'     => [ 1, '1d' ],
	'start_offset'      => [ 'Latest', 'earliest' ],
	'topic'             => [ 'nosuchtopic', 'x' x 249 ],
	'max_sources'       => undef,
	'workers'           => undef);    # needs a restart
my %illegal = (
	integer => [ '', ' ', 'many', '-2147483649', '2147483648', '99999999999999999999', 'NaN', 'infinity', '1 fortnight', '0x' ],
	bool    => [ '', ' ', 'sometimes', '2' ],
	enum    => [ '', ' ', 'earlist', 'none' ],
	topic   => [ '', ' ', '.', '..', 'a b', 'a/b', "a\nb", 'x' x 250 ],
	group_id => [ '', "a\nb", "\t", 'x' x 256 ],
	brokers => [ ',', ' ', 'kafka://a:9092', 'SSL://a:9092', 'a:99999', 'a:0', ':9092', 'a:9092/x', 'me@a:9092', 'a:9092;b:9092', '[::1', "a\n:9092" ]);
my %types = map { split /\|/ } split /\n/, $node->query("SELECT substr(name, 11), vartype FROM pg_settings WHERE name LIKE 'heartbeat.%'");
is(join(' ', grep { !exists $settings{$_} } sort keys %types), '', 'each setting has a row in this test');
is(join(' ', grep { !exists $types{$_} } sort keys %settings), '', 'each row of this test has its setting');
sub quoted { my ($value) = @_; return "E'" . ($value =~ s/([\\'])/\\$1/gr) . "'"; }
for my $setting (sort keys %types)
{
	my ($kind) = grep { $illegal{$_} } $setting, $types{$setting};
	for my $value (@{ $illegal{ $kind // '' } // [] })
	{
		my ($status, undef, $error) = $node->psql('heartbeat', "ALTER SYSTEM SET heartbeat.$setting = " . quoted($value), extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		my $shown = substr($value, 0, 20) =~ s/\n/\\n/gr;
		like($error, qr/22023: (?:invalid value for parameter "heartbeat.$setting"|parameter "heartbeat.$setting" requires|-?\d+.* is outside the valid range for parameter "heartbeat.$setting")/, "the error for heartbeat.$setting = '$shown' names the setting");
	}
	next unless $settings{$setting};
	for my $value (@{ $settings{$setting} })
	{
		$node->query("ALTER SYSTEM SET heartbeat.$setting = " . quoted($value));
		$node->query('SELECT pg_reload_conf()');
		$node->wait_for_query("SELECT state IS NOT NULL FROM heartbeat_status", 't', "heartbeat.$setting = '" . substr($value, 0, 20) . "' is accepted");
	}
	$node->query("ALTER SYSTEM RESET heartbeat.$setting");
	$node->query('SELECT pg_reload_conf()');
}
# Some values are valid, but the worker cannot use them. If a setting has such a value, the status names the problem. If a
# server starts with an invalid value, the status names this invalid value.
for my $case ([ 'role', 'no such role', 'no such role' ], [ 'kafka_config_file', '/nowhere/at/all', 'cannot read the file in heartbeat.kafka_config_file' ], [ 'topic', 'nosuchtopic', 'nosuchtopic' ])
{
	my ($setting, $value, $reason) = @$case;
	$node->set("heartbeat.$setting" => $value);
	$node->wait_for_query("SELECT reason LIKE '%$reason%' FROM heartbeat_status", 't', "heartbeat.$setting = '$value': the reason names the problem");
	$node->query("ALTER SYSTEM RESET heartbeat.$setting");
	$node->set("heartbeat.$setting" => $setting eq 'topic' ? $topic : '');
	$node->wait_for_state('RUNNING');
}
my $position = $node->log_position;
$node->append_conf('postgresql.conf', "heartbeat.brokers = 'kafka://127.0.0.1:9092'");
$node->reload;
$node->wait_for_log(qr/invalid value for parameter "heartbeat.brokers": "kafka:/, $position);
is($node->query('SELECT setting FROM pg_settings WHERE name = $$heartbeat.brokers$$'), $kafka->brokers, 'a reload with wrong brokers keeps the brokers that were valid');
$node->restart;
$node->wait_for_query('SELECT reason FROM heartbeat_status', 'heartbeat.brokers is not valid: "kafka://127.0.0.1:9092" is not the address of a broker: it begins with a protocol, which you set with security.protocol.',
	'a server that starts with wrong brokers gives the reason');
$node->append_conf('postgresql.conf', "heartbeat.brokers = '" . $kafka->brokers . "'");
$node->reload;
$node->wait_for_state('RUNNING');
$kafka->produce($topic, { partition => 1, value => reading('last', 70, reading_time($now)) });
$node->wait_for_offsets($topic, 21, 21);
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
