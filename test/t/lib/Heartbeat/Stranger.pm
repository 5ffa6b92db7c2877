# A role that may create objects where the extension is or is to be, and makes those that could be taken for the extension's or
# the server's: functions, operators, casts, types and tables of the same names. Test code. Each of them notes as whom it is run.

package Heartbeat::Stranger;

use strict;
use warnings;

use Heartbeat::Spy;

=pod

    my $names = Heartbeat::Stranger->names($node);               # of the extension's functions and relations, where it is installed
    my $stranger = Heartbeat::Stranger->new($node, 'public', $names);    # the role stranger; one a database
    $stranger->overload;               # functions, procedures, aggregates
    $stranger->make_ambiguous;         # functions that a call with fewer arguments may mean as well
    $stranger->make_operators; $stranger->make_casts;
    $stranger->take_weeks(-10 .. -3);  # the names of the weeks' table partitions
    $stranger->take_names;             # those of the extension itself, before it is there
    $stranger->spy->assert_only('...');

=cut

# What an argument of the type is replaced by: what a literal, a cast or a promotion may match as well or better.
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

# The server's functions that the extension's SQL calls.
my @of_the_server = qw(format to_char concat_ws json_build_object jsonb_build_object round sum count min max avg date_trunc extract
  pg_notify unnest array_agg string_agg current_setting generate_series length quote_ident to_regclass isfinite set_config now
  clock_timestamp pg_get_expr substring cardinality to_timestamp brin_summarize_new_values timezone);

# What binds operators to operands: pairs that the server knows only by a promotion.
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

# Options: database, where it is not the node's.
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

# A call that leaves out what has a default, and one that gives all. The server lets nobody mean one of them then, not even who
# gives no argument to a function that has none; so what a test is to ask by is left out.
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

# Of types of its own alone; a role may make no others.
sub make_casts
{
	my ($self) = @_;
	return $self->_make("CREATE TYPE $self->{schema}.strange AS (a integer)", map { (
		"CREATE FUNCTION stranger.from_type($_) RETURNS $self->{schema}.strange LANGUAGE plpgsql AS \$\$ BEGIN PERFORM stranger.note('cast'); RETURN NULL; END \$\$",
		"CREATE CAST ($_ AS $self->{schema}.strange) WITH FUNCTION stranger.from_type($_) AS IMPLICIT",
		"CREATE FUNCTION stranger.to_$_($self->{schema}.strange) RETURNS $_ LANGUAGE plpgsql AS \$\$ BEGIN PERFORM stranger.note('cast'); RETURN NULL; END \$\$",
		"CREATE CAST ($self->{schema}.strange AS $_) WITH FUNCTION stranger.to_$_($self->{schema}.strange) AS IMPLICIT") } qw(text integer float8 bigint timestamptz));
}

# Weeks from this one: each name is a table's, an enum's or a view's.
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

# Of everything that the extension will make: tables, enums, domains, and functions with the very arguments.
sub take_names
{
	my ($self) = @_;
	my $n = 0;
	return $self->_make(
		(map { my $name = "$self->{schema}.$_"; $n++ % 3 == 0 ? "CREATE TABLE $name (a integer)" : $n % 3 == 1 ? "CREATE TYPE $name AS ENUM ('strange')" : "CREATE DOMAIN $name AS text" }
			@{ $self->{names}{relations} }),
		map { my ($name, $types) = @$_; $self->_function($name, split /;/, $types) } @{ $self->{names}{functions} });
}

# The objects that the role has now, in the schema.
sub count
{
	my ($self) = @_;
	return $self->{node}->query('SET search_path = pg_catalog; SELECT ' . join ' + ', map { my ($catalog, $owner, $in) = @$_;
		"(SELECT count(*) FROM pg_catalog.pg_$catalog WHERE $owner = 'stranger'::regrole AND $in = '$self->{schema}'::regnamespace)" }
		[qw(proc proowner pronamespace)], [qw(operator oprowner oprnamespace)], [qw(class relowner relnamespace)], [qw(type typowner typnamespace)]);
}

# A function that notes its caller; what it returns is what a caller could take for an answer.
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

# Statements as the role, of which some may fail: not every combination is one.
sub _make
{
	my ($self, @sql) = @_;
	$self->{node}->psql($self->{node}{heartbeat_database}, join(";\n", 'SET client_min_messages = error', 'SET ROLE stranger', @sql) . ";\n", on_error_stop => 0);
	return $self;
}

1;
