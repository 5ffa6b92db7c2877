# Settings change while readings arrive. The test changes each of heartbeat's settings to another value and back. The test also
# changes settings of PostgreSQL, for example time limits, formats of dates, and the contents of the log. The stored rows must
# not depend on any of these settings.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('settings');
$kafka->start;
$kafka->create_topic($_, 2) for 'heartbeat-events', 'other-events';
my $node = Heartbeat::Cluster->create('settings', kafka => $kafka,
	settings => { 'heartbeat.batch_size' => 500, 'log_line_prefix' => '%m [%p] %b ' });
my $start     = int(time) - 3600;
my $published = 0;

sub publish
{
	my ($count, $topic) = @_;
	$kafka->produce($topic // 'heartbeat-events', reading_stream($count, 2, first => $published, start => $start));
	$published += $count;
	return;
}

# Passes when every published reading of every topic is stored once, and the worker is RUNNING.
sub assert_complete
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets',
		$published * 0.97 . '|' . $published * 0.03 . '|0|0', "$what: each reading is stored once");
	$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING after the settings are reset');
	return $node->assert_audit;
}

# Changes each setting of heartbeat to another valid value and back. The names of the settings come from pg_settings, so the
# test also covers settings that a later version adds.
my $properties = $node->data_dir . '/kafka.properties';
append_to_file($properties, "fetch.wait.max.ms=50\n");
chmod 0600, $properties;
my %other = (
	'heartbeat.brokers'           => 'localhost:' . ($kafka->brokers =~ s/.*://r),
	'heartbeat.database'          => 'postgres',
	'heartbeat.topic'             => 'other-events',
	'heartbeat.kafka_config_file' => $properties,
	'heartbeat.role'              => 'keeper');
$node->query('CREATE ROLE keeper SUPERUSER');
my @names = split /\n/, $node->query("LOAD 'heartbeat'; SELECT name FROM pg_settings WHERE name LIKE 'heartbeat.%' ORDER BY 1");
cmp_ok(scalar @names, '>=', 13, 'heartbeat has at least 13 settings');
for my $name (@names)
{
	my $row = $node->query("LOAD 'heartbeat'; SELECT vartype, coalesce(array_to_string(enumvals, ' '), ''), coalesce(min_val, ''), coalesce(max_val, ''), setting
		FROM pg_settings WHERE name = '$name'");
	my ($type, $values, $min, $max, $now) = split /\|/, $row, -1;
	my @values = $other{$name} // (
		  $type eq 'bool'   ? $now eq 'on' ? 'off' : 'on'
		: $type eq 'enum'   ? split(/ /, $values)
		: $type eq 'string' ? "other-$now"
		: $name eq 'heartbeat.batch_wait' ? ($min, 100) : ($min, $max));
	for my $value (@values)
	{
		publish(100);
		$node->set($name => $value);
		my $topic = $name eq 'heartbeat.topic' ? $value : 'heartbeat-events';
		publish(100, $topic);
		$node->wait_for_query("SELECT sum(next_offset) FROM heartbeat_offsets WHERE topic = '$topic'", 100, 'the worker reads the other topic') if $topic ne 'heartbeat-events';
	}
	$node->safe_psql('postgres', "ALTER SYSTEM RESET $name");
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	my $refused = { bool => 'perhaps', enum => 'perhaps', integer => "'-1 weeks'", real => 'perhaps' }->{$type} or next;
	like($node->query_error("ALTER SYSTEM SET $name = $refused"), qr/\Q$name\E/, "$name: the error for a wrong value names the setting");
}
# All readings remain when heartbeat.retention has its lowest or highest value. The value 0 keeps readings forever, and the
# highest value is a very long time.
assert_complete('every setting to another valid value and back (' . join(' ', map { s/heartbeat\.//r } @names) . ')');
my $log = slurp_file($node->logfile);
unlike($log, qr/^.*heartbeat (worker|maintenance|launcher).*(FATAL|PANIC)/m, 'no process of heartbeat ended because of a setting');

# If a setting has a wrong value in the configuration file, the log names the setting, and the server keeps the old value. ALTER
# SYSTEM RESET ALL removes the wrong values.
my $position = $node->log_position;
$node->append_conf('postgresql.auto.conf', "$_\n") for "heartbeat.batch_wait = 'soon'", "heartbeat.offset_reset = 'guess'", "heartbeat.topic = 'a b'";
$node->reload;
$node->wait_for_log(qr/invalid value for parameter "heartbeat\.$_"/, $position) for qw(batch_wait offset_reset topic);
publish(200);
assert_complete('with wrong values in the file');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
$node->reload;
publish(200);
assert_complete('after ALTER SYSTEM RESET ALL');

# Tests settings of the server. The test sets each of these settings for the whole server, and some settings also for the
# database and the role.
my %server = (
	search_path                         => 'nowhere, public',
	statement_timeout                   => '1ms',
	lock_timeout                        => '1ms',
	idle_in_transaction_session_timeout => '1ms',
	idle_session_timeout                => '1ms',
	default_transaction_isolation       => 'serializable',
	default_transaction_read_only       => 'on',
	default_transaction_deferrable      => 'on',
	session_replication_role            => 'replica',
	timezone                            => 'Asia/Kathmandu',
	datestyle                           => 'SQL, DMY',
	intervalstyle                       => 'sql_standard',
	bytea_output                        => 'escape',
	xmlbinary                           => 'hex',
	standard_conforming_strings         => 'off',
	escape_string_warning               => 'on',
	backslash_quote                     => 'off',
	extra_float_digits                  => -15,
	array_nulls                         => 'off',
	transform_null_equals               => 'on',
	quote_all_identifiers               => 'on',
	client_encoding                     => 'LATIN1',
	lc_numeric                          => 'C',
	row_security                        => 'off',
	synchronous_commit                  => 'on',
	plan_cache_mode                     => 'force_generic_plan',
	enable_partition_pruning            => 'off',
	constraint_exclusion                => 'off',
	work_mem                            => '64kB',
	maintenance_work_mem                => '1MB',
	temp_file_limit                     => 0,
	max_stack_depth                     => '100kB',
	default_tablespace                  => '',
	track_functions                     => 'all',
	compute_query_id                    => 'on',
	jit                                 => 'on',
	jit_above_cost                      => 0,
	jit_inline_above_cost               => 0,
	jit_optimize_above_cost             => 0,
	client_min_messages                 => 'debug5',
	log_min_messages                    => 'debug5',
	log_statement                       => 'all',
	log_duration                        => 'on',
	log_min_duration_statement          => 0,
	log_error_verbosity                 => 'verbose',
	log_executor_stats                  => 'on',
	'plpgsql.variable_conflict'         => 'use_column',
	'plpgsql.extra_errors'              => 'all',
	'auto_explain.log_min_duration'     => 0,
	'auto_explain.log_nested_statements' => 'on',
	'pg_stat_statements.track'          => 'all');
my $expected = sub {
	return $node->query("SET extra_float_digits = 1; SET timezone = 'UTC'; SELECT md5(string_agg(r::text, ' ' ORDER BY r)) FROM
		(SELECT customer_id, heart_rate, extract(epoch FROM event_timestamp) AS at FROM heartbeat_records WHERE customer_id ~ '^odd') r");
};
my @odd = map { { partition => $_ % 2, value => qq({"customer_id":"odd\\\\\\u00e9 '$_","heart_rate":60.123456789012${_},"event_timestamp":"2026-11-0${_} 03:04:05.678901+05:45"}) } } 1 .. 9;
push @odd, { value => "not JSON \\ ' \x{ff}" }, { value => reading('odd', 33.25, reading_time($start)) };
$kafka->produce('heartbeat-events', @odd);
my $tables = q{SELECT (SELECT count(*) FROM heartbeat_records WHERE customer_id ~ '^odd'), (SELECT count(*) FROM heartbeat_anomalies WHERE customer_id ~ '^odd'),
	(SELECT count(*) FROM heartbeat_dead_letters)};
$node->wait_for_query($tables, '9|1|1', 'unusual readings are stored with the server\'s default settings');
my ($before, $letter) = ($expected->(), $node->query('SELECT key, payload, error_code, error_text FROM heartbeat_dead_letters'));

# These options give the clients of this test ordinary values, so only the server uses the unusual settings.
$ENV{PGOPTIONS} = join ' ', map { "-c $_" } 'statement_timeout=0', 'lock_timeout=0', 'idle_in_transaction_session_timeout=0',
  'idle_session_timeout=0', 'default_transaction_read_only=off', 'default_transaction_deferrable=off', 'search_path=public',
  'default_transaction_isolation=read\ committed', 'session_replication_role=origin', 'temp_file_limit=-1', 'work_mem=4MB', 'jit=off',
  'client_min_messages=warning', 'standard_conforming_strings=on', 'client_encoding=UTF8', 'datestyle=ISO', 'bytea_output=hex',
  'array_nulls=on', 'transform_null_equals=off', 'quote_all_identifiers=off', 'max_stack_depth=2MB', 'log_statement=none';
my $in_topic = $published - 100 + @odd;
for my $preloaded ('auto_explain, heartbeat, pg_stat_statements', 'pg_stat_statements, heartbeat, auto_explain')
{
	# DROP EXTENSION removes all readings. Then the worker reads all messages again with the unusual settings.
	$node->query('DROP EXTENSION heartbeat');
	$node->stop;
	my $name = 'odd_' . length($preloaded =~ s/,.*//r) . '.conf';
	append_to_file($node->data_dir . "/$name",
		join '', "shared_preload_libraries = '$preloaded'\n", map { "$_ = '$server{$_}'\n" } sort keys %server);
	$node->append_conf('postgresql.conf', "include '$name'");
	$node->start;
	$position = $node->log_position;
	$node->query("ALTER DATABASE heartbeat SET $_") for "search_path = nowhere", "role = 'keeper'", "timezone = 'America/St_Johns'", 'default_transaction_read_only = on',
	  'session_replication_role = replica', 'statement_timeout = 1';
	$node->query("ALTER ROLE CURRENT_USER SET $_") for 'search_path = elsewhere', 'datestyle = German', 'lock_timeout = 1', 'default_transaction_isolation = serializable';
	$node->query('CREATE EXTENSION heartbeat');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'");
	$node->wait_for_query($tables, '9|1|1', "unusual readings are stored with unusual settings, and shared_preload_libraries = $preloaded");
	is($expected->(), $before, 'the stored readings are the same as with the default settings');
	is($node->query('SELECT key, payload, error_code, error_text FROM heartbeat_dead_letters'), $letter, 'the dead letter is the same as with the default settings');
	is($node->query('SELECT partitions_dropped, readings_deleted FROM heartbeat_apply_retention()'), '0|0', 'heartbeat_apply_retention() works with unusual settings');
	$node->wait_for_query('SELECT sum(records) + sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets',
		$in_topic - 1 . '|0|1', 'all other readings of the topic are stored too');
	$node->wait_for_state('RUNNING');
	is($node->query("SELECT sum(messages) FROM heartbeat_replay(now() - interval '1 hour', now())"), $in_topic, 'heartbeat_replay() reads the messages again');
	$node->query(q{UPDATE heartbeat_dead_letters SET payload =
		convert_to('{"customer_id":"CUST-' || '0099","heart_rate":61,"event_timestamp":"2026-11-01T03:04:05Z"}', 'UTF8')});
	is($node->query('SELECT resolved FROM heartbeat_retry_dead_letters()'), 1, 'heartbeat_retry_dead_letters() stores a corrected dead letter');
	$node->assert_audit;
	is($node->log_matches('CUST-00\d\d|60\.12345678', $position), 0, 'no customer and no payload is in the log although the server logs everything');
	$node->query("ALTER DATABASE heartbeat RESET ALL");
	$node->query("ALTER ROLE CURRENT_USER RESET ALL");
}

$node->assert_no_crash;
$kafka->stop;
done_testing();
