# Test code: checks that texts of users and producers, for example names of customers, have caused no problem. There are three
# checks: a dump can be restored, a client can read every table and view, and the log has no control characters.

package Heartbeat::Texts;

use strict;
use warnings;

use Exporter qw(import);
use IPC::Run ();
use Test::More;

use PostgreSQL::Test::Utils;

our @EXPORT = qw(assert_restores assert_clean_log assert_clean_views);

my $restored = 0;

# Passes when a dump of heartbeat's database can be restored in a new database with the same encoding. The new database must
# have all rows. Only events and alerts are not compared, because the maintenance worker adds them all the time. In both
# databases a UTF-8 client must be able to read each table and view.
sub assert_restores
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $name     = 'restored' . ++$restored;
	my $dump     = PostgreSQL::Test::Utils::tempdir($name) . '/dump.sql';    # several tests can use tmp_check at the same time
	my $encoding = $node->query('SHOW server_encoding');
	my ($out, $err);
	my $dumped = IPC::Run::run([ $node->installed_command('pg_dump'), '-f', $dump, '-d', $node->connstr($node->{heartbeat_database}) ],
		'>', \$out, '2>', \$err);
	return diag($err) && fail("$what: pg_dump succeeds") unless $dumped;
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding'");
	my $read = IPC::Run::run(
		[ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($name), '-f', $dump ], '>', \$out, '2>', \$err);
	return diag($err) && fail("$what: the dump can be restored") unless $read;
	my $tables = q{heartbeat_offsets, heartbeat_dead_letters, heartbeat_events, heartbeat_gaps, heartbeat_records, heartbeat_alerts};
	my $count = 'SELECT ' . join(', ', map { "(SELECT count(*) FROM $_)" } grep { !/events|alerts/ } split /, /, $tables);
	is($node->safe_psql($name, $count), $node->query($count), "$what: the restored database has the rows");
	for my $database ($node->{heartbeat_database}, $name)
	{
		is(_read_all($node, $database), '', "$what: every table and view in $database can be read");
	}
	$node->safe_psql('postgres', "DROP DATABASE $name WITH (FORCE)");
	return;
}

# Reads each table and view of the extension with a client whose encoding is UTF-8, and returns the errors. The function reads
# each row as text and as JSON. The query makes the server check each character, because psql does not check characters.
sub _read_all
{
	my ($node, $database) = @_;
	my @relations = split /\n/, $node->safe_psql($database,
		q{SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
		  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat' WHERE d.deptype = 'e' AND c.relkind IN ('r', 'v', 'p')});
	return 'there are no relations' if @relations < 10;
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my (undef, undef, $errors) =
	  $node->psql($database, join(";\n", map { "SELECT convert_to(t::text, getdatabaseencoding()), to_json(t) FROM $_ t" } @relations), on_error_stop => 0);
	return $errors;
}

# Passes when the server's log has no control characters after the position $from. If the database's encoding is UTF-8, the log
# must also be UTF-8.
sub assert_clean_log
{
	my ($node, $from, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $log     = slurp_file($node->logfile, $from);
	my @control = $log =~ /^(.*[\x00-\x08\x0b-\x1f\x7f].*)$/mg;
	is(scalar @control, 0, "$what: the log has no control characters") || diag map { unpack('H*', $_) . "\n$_\n" } @control;
	return if $node->query('SHOW server_encoding') ne 'UTF8';
	my $text = $log;
	return ok(utf8::decode($text), "$what: the log is UTF-8");
}

# Passes when the texts that heartbeat itself has made have no control characters.
sub assert_clean_views
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $texts = q{SELECT state || reason || hint || coalesce(last_error, '') FROM heartbeat_status
		UNION ALL SELECT error_text FROM heartbeat_dead_letters UNION ALL SELECT reason FROM heartbeat_events WHERE kind = 'state'
		UNION ALL SELECT concat(cluster_id, topic_id, lost_reason) FROM heartbeat_offsets UNION ALL SELECT reason FROM heartbeat_gaps
		UNION ALL SELECT query FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'};
	return is($node->query("SELECT count(*) FROM ($texts) t (text) WHERE text ~ '[\\x01-\\x1f\\x7f]'"),
		0, "$what: no state, event, dead letter or offset has control characters");
}

1;
