# Proofs that texts from outside have done no harm: a dump restores, every table and view can be read, and the log has
# nothing that a terminal obeys. Test code.

package Heartbeat::Texts;

use strict;
use warnings;

use Exporter qw(import);
use IPC::Run ();
use Test::More;

use PostgreSQL::Test::Utils;

our @EXPORT = qw(assert_restores assert_clean_log assert_clean_views);

my $restored = 0;

# Passes when a dump of heartbeat's database restores in a new one of the same encoding, with all rows but events and alerts, which
# the maintenance worker goes on making, and each table and view
# can be read in both, in the encoding of a client that converts.
sub assert_restores
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $name     = 'restored' . ++$restored;
	my $dump     = "$PostgreSQL::Test::Utils::tmp_check/$name.sql";
	my $encoding = $node->query('SHOW server_encoding');
	my ($out, $err);
	my $dumped = IPC::Run::run([ $node->installed_command('pg_dump'), '-f', $dump, '-d', $node->connstr($node->{heartbeat_database}) ],
		'>', \$out, '2>', \$err);
	return diag($err) && fail("$what: it can be dumped") unless $dumped;
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding'");
	my $read = IPC::Run::run(
		[ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($name), '-f', $dump ], '>', \$out, '2>', \$err);
	return diag($err) && fail("$what: a dump restores") unless $read;
	my $tables = q{heartbeat_offsets, heartbeat_dead_letters, heartbeat_events, heartbeat_gaps, heartbeat_records, heartbeat_alerts};
	my $count = 'SELECT ' . join(', ', map { "(SELECT count(*) FROM $_)" } grep { !/events|alerts/ } split /, /, $tables);
	is($node->safe_psql($name, $count), $node->query($count), "$what: a dump restores with its rows");
	for my $database ($node->{heartbeat_database}, $name)
	{
		is(_read_all($node, $database), '', "$what: everything in $database can be read");
	}
	$node->safe_psql('postgres', "DROP DATABASE $name WITH (FORCE)");
	return;
}

# The errors of reading each table and view of the extension, as text that is looked at character by character, which psql does not
# do, and as JSON, by a client whose encoding is UTF-8.
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

# Passes when the log, from a position on, is UTF-8 without control characters. With latin1 it need not be UTF-8.
sub assert_clean_log
{
	my ($node, $from, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $log     = slurp_file($node->logfile, $from);
	my @control = $log =~ /^(.*[\x00-\x08\x0b-\x1f\x7f].*)$/mg;
	is(scalar @control, 0, "$what: nothing in the log that a terminal obeys") || diag map { unpack('H*', $_) . "\n$_\n" } @control;
	return if $node->query('SHOW server_encoding') ne 'UTF8';
	my $text = $log;
	return ok(utf8::decode($text), "$what: the log is UTF-8");
}

# Passes when the texts that heartbeat itself has made hold no control characters.
sub assert_clean_views
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $texts = q{SELECT state || reason || hint || coalesce(last_error, '') FROM heartbeat_status
		UNION ALL SELECT error_text FROM heartbeat_dead_letters UNION ALL SELECT reason FROM heartbeat_events WHERE kind = 'state'
		UNION ALL SELECT concat(cluster_id, topic_id, lost_reason) FROM heartbeat_offsets UNION ALL SELECT reason FROM heartbeat_gaps
		UNION ALL SELECT query FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'};
	return is($node->query("SELECT count(*) FROM ($texts) t (text) WHERE text ~ '[\\x01-\\x1f\\x7f]'"),
		0, "$what: nothing in a state, an event, a dead letter or an offset that a terminal obeys");
}

1;
