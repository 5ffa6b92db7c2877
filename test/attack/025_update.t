# The extension's owner is not a superuser, and a superuser updates the extension. The update does not run code of the owner with
# the rights of the superuser: neither triggers nor expressions of a bookkeeping table to which the update writes, nor functions
# that the owner has added to the extension.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Spy;

my $node = Heartbeat::Cluster->create('update_of_others', version => '1.2');
my $spy  = Heartbeat::Spy->new($node, 'keeper');
$node->query("SELECT heartbeat_set_owner('keeper')");
$node->query("INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset) VALUES ('t', 0, 7, 0)");
my $run = 'EXECUTE FUNCTION keeper.run_trigger()';
my $own = 'EXECUTE FUNCTION suppress_redundant_updates_trigger()';

# For each trick: the owner's statements, the statements that undo them, and the error of the update. The last tricks have no
# error: the update does not use what the owner has made.
my @tricks = (
	[ 'a trigger',
		"CREATE TRIGGER spy_row BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW $run",
		'DROP TRIGGER spy_row ON heartbeat_offsets', 'trigger "spy_row"' ],
	[ 'a trigger whose function the owner has added to the extension',
		"ALTER EXTENSION heartbeat ADD FUNCTION keeper.run_trigger(); CREATE TRIGGER spy_row BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW $run",
		'DROP TRIGGER spy_row ON heartbeat_offsets; ALTER EXTENSION heartbeat DROP FUNCTION keeper.run_trigger()', 'trigger "spy_row"' ],
	[ 'a deferred trigger',
		"CREATE CONSTRAINT TRIGGER spy_late AFTER UPDATE ON heartbeat_offsets DEFERRABLE INITIALLY DEFERRED FOR EACH ROW $run",
		'DROP TRIGGER spy_late ON heartbeat_offsets', 'trigger "spy_late"' ],
	[ 'the condition of a trigger',
		"CREATE TRIGGER spy_when BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW WHEN (keeper.noted(1)) $own",
		'DROP TRIGGER spy_when ON heartbeat_offsets', 'the condition of trigger "spy_when"' ],
	[ "a condition with a function of the server that runs a query",
		"CREATE TRIGGER spy_xml BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW
			WHEN (query_to_xml('SELECT keeper.note(''xml'')', true, true, '') IS NOT NULL) $own",
		'DROP TRIGGER spy_xml ON heartbeat_offsets', 'the condition of trigger "spy_xml"' ],
	[ 'a constraint',
		'ALTER TABLE heartbeat_offsets ADD CONSTRAINT spy_check CHECK (keeper.noted(next_offset)) NOT VALID',
		'ALTER TABLE heartbeat_offsets DROP CONSTRAINT spy_check', 'constraint "spy_check"' ],
	[ 'a generated column',
		'ALTER TABLE heartbeat_offsets ADD COLUMN spy_column boolean GENERATED ALWAYS AS (keeper.noted(next_offset)) STORED',
		'ALTER TABLE heartbeat_offsets DROP COLUMN spy_column', 'the default of column "spy_column"' ],
	[ 'a domain',
		'CREATE DOMAIN keeper.domain AS boolean CHECK (keeper.noted(VALUE)); ALTER TABLE heartbeat_offsets ADD COLUMN spy_domain keeper.domain',
		'ALTER TABLE heartbeat_offsets DROP COLUMN spy_domain; DROP DOMAIN keeper.domain', 'the type of column "spy_domain"' ],
	[ 'an index',
		'CREATE INDEX spy_index ON heartbeat_offsets (keeper.noted(next_offset))', 'DROP INDEX spy_index', 'index "spy_index"' ],
	[ 'an index with a condition that the planner evaluates',
		'CREATE INDEX spy_index ON heartbeat_offsets (next_offset) WHERE keeper.noted(1)', 'DROP INDEX spy_index', 'index "spy_index"' ],
	[ 'statistics',
		'CREATE STATISTICS spy_statistics ON (keeper.noted(1)), next_offset FROM heartbeat_offsets', 'DROP STATISTICS spy_statistics', 'a statistics object' ],
	[ 'a child table with a trigger',
		"CREATE TABLE spy_child () INHERITS (heartbeat_offsets); INSERT INTO spy_child (topic, partition, next_offset, first_offset) VALUES ('t', 0, 7, 0);
			CREATE TRIGGER spy_child BEFORE UPDATE ON spy_child FOR EACH ROW $run",
		'DROP TABLE spy_child', 'trigger "spy_child"' ],
	[ 'a function in the extension that suits the calls of the script',
		"CREATE FUNCTION keeper.format(text, regclass, name) RETURNS text LANGUAGE plpgsql AS \$\$
			BEGIN PERFORM keeper.note('format'); RETURN pg_catalog.format(\$1, \$2::text, \$3::text); END \$\$;
			ALTER EXTENSION heartbeat ADD FUNCTION keeper.format(text, regclass, name)",
		'ALTER EXTENSION heartbeat DROP FUNCTION keeper.format(text, regclass, name); DROP FUNCTION keeper.format(text, regclass, name)' ]);
$node->query('GRANT CREATE ON SCHEMA public TO keeper');
for my $trick (@tricks)
{
	my ($what, $make, $undo, $error) = @$trick;
	is($spy->act($make), '', "the owner makes $what");
	$spy->forget;
	my $got = $node->query_error('BEGIN; ALTER EXTENSION heartbeat UPDATE; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK');
	defined $error ? like($got, qr/ERROR:  \Q$error\E on table "\w+" @{[ $error =~ m{^trigger} ? 'would run' : 'could run code' ]} with the rights of role "postgres"/, "the error of the update names $what")
	  : is($got, '', "the update succeeds with $what");
	$spy->assert_only($what);
	is($spy->act($undo), '', "the owner removes $what");
}

# A trigger of a superuser does not stop the update.
$node->query($_) for 'CREATE FUNCTION note_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
	'CREATE TRIGGER note_update AFTER UPDATE ON heartbeat_offsets FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION note_update()';
$node->query('ALTER EXTENSION heartbeat UPDATE');
is($node->query('SELECT messages, readings, extowner::regrole FROM heartbeat_offsets, pg_extension WHERE extname = \'heartbeat\''), '0|0|keeper', 'the update succeeds');
$spy->assert_only('after the update');
$node->assert_no_crash;
done_testing();
