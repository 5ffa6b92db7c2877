# Test code: a role that may create objects in the extension's schema, even before the extension exists. The role creates
# objects that a session could mistake for objects of the extension or the server: functions, operators, casts, types and tables
# with the same names. Each of these functions records the role that runs it.

package Heartbeat::Stranger;

use strict;
use warnings;

use Heartbeat::Spy;

=pod

    my $names = Heartbeat::Stranger->names($node);               # of the extension's functions and relations in $node
    my $stranger = Heartbeat::Stranger->new($node, 'public', $names);    # creates the role stranger; each database needs its own object
    $stranger->overload;               # functions, procedures, aggregates
    $stranger->make_ambiguous;         # functions that also match a call with fewer arguments
    $stranger->make_operators; $stranger->make_casts;
    $stranger->take_weeks(-10 .. -3);  # the names of the weeks' table partitions
    $stranger->take_names;             # the names of the extension's own objects; call take_names() before CREATE EXTENSION
    $stranger->spy->assert_only('...');

=cut

# For each type of a parameter, a list of other types, with which overload() creates functions of the same name. A literal, an
# argument with a cast, or an argument that needs an implicit conversion can match such a function better.
my %others = (
	'double precision'            => [ qw(integer bigint numeric real smallint text anyelement) ],
	'text'                        => [ 'varchar', 'name', 'bpchar', '"char"', 'json', 'anyelement' ],
	'integer'                     => [ qw(smallint bigint numeric oid text anyelement) ],
	'bigint'                      => [ qw(integer smallint numeric oid text anyelement) ],
	'timestamp with time zone'    => [ qw(timestamp date text anyelement) ],
	'interval'                    => [ qw(text time anyelement) ],
	'jsonb'                       => [ qw(json text anyelement) ],
	'boolean'                     => [ qw(integer text anyelement) ],
	'text[]'                      => [ qw(varchar[] name[] text anyarray) ],
	'bigint[]'                    => [ qw(integer[] numeric[] text anyarray) ],
	'name'                        => [ qw(text varchar) ],
	'regclass'                    => [ qw(oid text) ],
	'numeric'                     => [ qw(integer bigint) ]);

# The extension's SQL calls these functions of the server.
my @of_the_server = qw(format to_char concat_ws json_build_object jsonb_build_object round sum count min max avg date_trunc extract
  pg_notify unnest array_agg string_agg current_setting generate_series length quote_ident to_regclass isfinite set_config now
  clock_timestamp pg_get_expr substring cardinality to_timestamp brin_summarize_new_values timezone);

# Pairs of types. Most operators of PostgreSQL do not exist for exactly these two types, so PostgreSQL converts one of the two
# values. If the stranger creates an operator for a pair, PostgreSQL prefers this operator.
my @pairs = map { [ split / / ] } 'numeric bigint', 'bigint numeric', 'float8 integer', 'integer float8', 'text name', 'name text', 'text varchar',
  'varchar text', 'name varchar', 'varchar name', 'timestamptz text', 'text timestamptz', 'interval text', 'boolean integer', 'bigint text',
  'jsonb json', 'float8 numeric', 'numeric float8', 'smallint numeric', 'integer numeric', 'numeric integer', 'oid integer', 'bigint oid', 'text integer';

sub names
{
	my ($class, $node) = @_;
	my $member = "(pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'heartbeat' AND d.deptype = 'e') ON true";
	return {
		functions => [ map { [ split /\|/, $_, -1 ] } split /\n/, $node->query(
			"SELECT p.proname, array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n) ORDER BY n), ';')
			 FROM pg_proc p JOIN $member WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND p.prorettype <> 'trigger'::regtype") ],
		relations => [ split /\n/, $node->query(
			"SELECT c.relname FROM pg_class c JOIN $member WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind <> 'S'") ],
	};
}

# Option `roles`: the roles that the spy records.
sub new
{
	my ($class, $node, $schema, $names, %opt) = @_;
	my $self = bless { node => $node, schema => $schema, names => $names, role => 'stranger' }, $class;
	$self->{spy} = Heartbeat::Spy->new($node, 'stranger', @{ $opt{roles} // [] });
	$node->query("GRANT CREATE, USAGE ON SCHEMA $schema TO stranger");
	return $self;
}

sub spy { my ($self) = @_; return $self->{spy}; }

sub overload
{
	my ($self) = @_;
	my (@sql, %made);
	for my $function (@{ $self->{names}{functions} }, $self->_of_the_server)
	{
		my ($name, $types) = @$function;
		my @types = split /;/, $types;
		my @lists;
		for my $i (0 .. $#types)
		{
			push @lists, map { my @list = @types; $list[$i] = $_; \@list } @{ $others{ $types[$i] } // ['text'] };
		}
		for my $n (0 .. 6)
		{
			push @lists, [ map { my $o = $others{$_} // ['text']; $o->[ $n % @$o ] } @types ] if @types > 1;
		}
		push @lists, [ @types[ 0 .. $#types - 1 ], 'VARIADIC text[]' ], [ @types[ 0 .. $#types - 1 ], 'VARIADIC anyarray' ] if @types;
		push @lists, ['integer'], ['text'] if !@types;
		push @sql, map { $self->_function($name, @$_) } grep { !$made{"$name(@$_)"}++ } @lists;
		push @sql, "CREATE PROCEDURE $self->{schema}.$name(date, date) LANGUAGE sql AS \$\$ SELECT stranger.note('procedure $name') \$\$",
		  "CREATE AGGREGATE $self->{schema}.$name(point) (SFUNC = stranger.add, STYPE = point)" unless $made{$name}++;
	}
	return $self->_make('CREATE FUNCTION stranger.add(point, point) RETURNS point LANGUAGE sql AS \'SELECT stranger.note($$aggregate$$); SELECT $1\'', @sql);
}

# Creates functions that make every call of the extension's functions ambiguous, with all arguments, without the arguments that
# have defaults, and without arguments. Only heartbeat_check_objects() is left out, because the test itself calls it.
sub make_ambiguous
{
	my ($self) = @_;
	my @sql;
	for my $function (grep { $_->[0] ne 'heartbeat_check_objects' } @{ $self->{names}{functions} })
	{
		my ($name, $types) = @$function;
		my @types = split /;/, $types;
		push @sql, $self->_function($name, @types, 'integer DEFAULT 0'), $self->_function($name, @types, "text DEFAULT ''", 'integer DEFAULT 0'),
		  $self->_function($name, (map { $_ . ' DEFAULT NULL' } @types), 'date DEFAULT NULL');
	}
	return $self->_make(@sql);
}

sub make_operators
{
	my ($self) = @_;
	my @symbols = split /\n/, $self->{node}->query('SET search_path = pg_catalog; SELECT DISTINCT oprname FROM pg_catalog.pg_operator WHERE oprkind = \'b\' AND oprnamespace = \'pg_catalog\'::regnamespace');
	my @sql;
	for my $pair (@pairs)
	{
		my ($left, $right) = @$pair;
		push @sql, map { my ($name, $type) = @$_; "CREATE FUNCTION stranger.$name($left, $right) RETURNS $type LANGUAGE plpgsql AS
			\$\$ BEGIN PERFORM stranger.note('operator of $left and $right'); RETURN NULL; END \$\$" } [ 'truth', 'boolean' ], [ 'value', $left ];
		push @sql, map { "CREATE OPERATOR $self->{schema}.$_ (FUNCTION = stranger." . (/[=<>~@?&|]/ && $_ ne '||' ? 'truth' : 'value') . ", LEFTARG = $left, RIGHTARG = $right)" } @symbols;
	}
	return $self->_make(@sql);
}

# Creates a type, and casts to and from this type. A role can create a cast only if it owns one of the two types.
sub make_casts
{
	my ($self) = @_;
	return $self->_make("CREATE TYPE $self->{schema}.strange AS (a integer)", map { (
		"CREATE FUNCTION stranger.from_type($_) RETURNS $self->{schema}.strange LANGUAGE plpgsql AS \$\$ BEGIN PERFORM stranger.note('cast'); RETURN NULL; END \$\$",
		"CREATE CAST ($_ AS $self->{schema}.strange) WITH FUNCTION stranger.from_type($_) AS IMPLICIT",
		"CREATE FUNCTION stranger.to_$_($self->{schema}.strange) RETURNS $_ LANGUAGE plpgsql AS \$\$ BEGIN PERFORM stranger.note('cast'); RETURN NULL; END \$\$",
		"CREATE CAST ($self->{schema}.strange AS $_) WITH FUNCTION stranger.to_$_($self->{schema}.strange) AS IMPLICIT") } qw(text integer float8 bigint timestamptz));
}

# Creates tables, enums and views with the names of the weeks' table partitions. Week 0 is the present week, -1 the week before.
sub take_weeks
{
	my ($self, @weeks) = @_;
	my @sql;
	for my $n (@weeks)
	{
		my $kind = $n % 3;
		for my $parent (qw(heartbeat_records heartbeat_anomalies heartbeat_rollup))
		{
			my $name = $self->{schema} . '.' . $self->{node}->query(
				"SET search_path = pg_catalog; SELECT to_char(date_trunc('week', now() AT TIME ZONE 'UTC') + $n * interval '7 days', '\"$parent\"_IYYY\"w\"IW')");
			push @sql, $kind == 0 ? "CREATE TABLE $name (customer_id text)" : $kind == 1 ? "CREATE TYPE $name AS ENUM ('strange')" : "CREATE VIEW $name AS SELECT 1 AS a";
		}
	}
	return $self->_make(@sql);
}

# Creates an object for each name that the extension will use. For the name of a relation, it creates a table, an enum or a
# domain. For the name of a function, it creates a function with the same arguments.
sub take_names
{
	my ($self) = @_;
	my $n = 0;
	return $self->_make(
		(map { my $name = "$self->{schema}.$_"; $n++ % 3 == 0 ? "CREATE TABLE $name (a integer)" : $n % 3 == 1 ? "CREATE TYPE $name AS ENUM ('strange')" : "CREATE DOMAIN $name AS text" }
			@{ $self->{names}{relations} }),
		map { my ($name, $types) = @$_; $self->_function($name, split /;/, $types) } @{ $self->{names}{functions} });
}

# Returns the number of objects that the role has in the schema.
sub count
{
	my ($self) = @_;
	return $self->{node}->query('SET search_path = pg_catalog; SELECT ' . join ' + ', map { my ($catalog, $owner, $in) = @$_;
		"(SELECT count(*) FROM pg_catalog.pg_$catalog WHERE $owner = 'stranger'::regrole AND $in = '$self->{schema}'::regnamespace)" }
		[qw(proc proowner pronamespace)], [qw(operator oprowner oprnamespace)], [qw(class relowner relnamespace)], [qw(type typowner typnamespace)]);
}

# Returns the SQL that creates a function with this name and these parameters. The function records the role that calls it, and
# returns null.
sub _function
{
	my ($self, $name, @types) = @_;
	return "CREATE FUNCTION $self->{schema}.$name(" . join(', ', @types) . ") RETURNS text LANGUAGE plpgsql AS
		\$\$ BEGIN PERFORM stranger.note('function $name'); RETURN NULL; END \$\$";
}

sub _of_the_server
{
	my ($self) = @_;
	my $list = join ',', map { "'$_'" } @of_the_server;
	return map { [ split /\|/, $_, -1 ] } split /\n/, $self->{node}->query(
		"SET search_path = pg_catalog; SELECT proname, types FROM (SELECT p.proname, row_number() OVER (PARTITION BY proname ORDER BY oid),
			array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n) ORDER BY n), ';') AS types
			FROM pg_catalog.pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ($list) AND pronargs BETWEEN 1 AND 3) f WHERE row_number <= 6");
}

# Runs statements as the role. A statement can fail, because the server does not allow every combination of types.
sub _make
{
	my ($self, @sql) = @_;
	$self->{node}->psql($self->{node}{heartbeat_database}, join(";\n", 'SET client_min_messages = error', 'SET ROLE stranger', @sql) . ";\n", on_error_stop => 0);
	return $self;
}

1;
