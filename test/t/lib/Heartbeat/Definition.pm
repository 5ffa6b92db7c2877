# Test code: describes all objects of the extension in a database as text. If the texts of two databases are equal, the two
# databases have the same objects of the extension.

package Heartbeat::Definition;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(definition);

my $members = q(SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'heartbeat'));
my $relations = qq(SELECT objid FROM ($members) m WHERE classid = 'pg_class'::regclass);
my $functions = qq(SELECT objid FROM ($members) m WHERE classid = 'pg_proc'::regclass);

# Each query returns one column, with one line for each object.
my %queries = (
	members => qq(SELECT pg_describe_object(classid, objid, 0) FROM ($members) m),
	columns => qq(SELECT concat_ws(' ', attrelid::regclass, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
			format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attidentity, attgenerated, attstorage,
			attstattarget, pg_get_expr(adbin, adrelid))
		FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid IN ($relations) AND attnum > 0 AND NOT attisdropped),
	relations => qq(SELECT concat_ws(' ', oid::regclass, relkind, relpersistence, relrowsecurity, relreplident, reloptions,
			pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid), pg_get_userbyid(relowner)) FROM pg_class WHERE oid IN ($relations)),
	constraints => qq(SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
		FROM pg_constraint WHERE conrelid IN ($relations)),
	indexes   => qq(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ($relations)),
	sequences => qq(SELECT concat_ws(' ', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle)
		FROM pg_sequence WHERE seqrelid IN ($relations)),
	triggers  => qq(SELECT concat_ws(' ', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE tgrelid IN ($relations) AND NOT tgisinternal),
	views     => qq(SELECT oid::regclass || pg_get_viewdef(oid) FROM pg_class WHERE oid IN ($relations) AND relkind = 'v'),
	functions => qq(SELECT pg_get_functiondef(oid) || pg_get_userbyid(proowner) FROM pg_proc WHERE oid IN ($functions)),
	calls     => qq(SELECT concat_ws(' ', objid::regprocedure, refobjid::regprocedure, deptype) FROM pg_depend
		WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_proc'::regclass AND objid IN ($functions)),
	rights    => qq(SELECT concat_ws(' ', o, ARRAY(SELECT a::text FROM unnest(acl) a ORDER BY 1)) FROM (
		SELECT oid::regclass::text, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
		FROM pg_class WHERE oid IN ($relations) UNION ALL
		SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute WHERE attrelid IN ($relations) AND attacl IS NOT NULL UNION ALL
		SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc WHERE oid IN ($functions)) r (o, acl)),
	comments => qq(SELECT concat_ws(': ', pg_describe_object(classoid, objoid, objsubid), description)
		FROM pg_description d JOIN ($members) m ON m.classid = d.classoid AND m.objid = d.objoid UNION ALL
		SELECT concat_ws(': ', conrelid::regclass, conname, description) FROM pg_description
		JOIN pg_constraint c ON classoid = 'pg_constraint'::regclass AND objoid = c.oid WHERE conrelid IN ($relations)),
	dumped => q(SELECT concat_ws(' ', c::regclass, w) FROM pg_extension, unnest(extconfig, extcondition) x (c, w) WHERE extname = 'heartbeat'),
);

# Returns a hash with the lines of each kind of object, in order.
sub definition
{
	my ($node) = @_;
	return { map { $_ => $node->query("SELECT line FROM ($queries{$_}) q (line) ORDER BY line COLLATE \"C\"") } keys %queries };
}

1;
