# Test code: a role that tries to get more rights than it has. The role puts code into triggers, functions, defaults and other
# places, so that a statement of another role may run this code. The code records the role that runs it, and tries to make the
# spy's role a superuser. The records are values of sequences, so a rollback does not remove them.

package Heartbeat::Spy;

use strict;
use warnings;

use Test::More;

my $catalog = 'SET search_path = pg_catalog;';    # the spy's own queries call no function of another role

=pod

    my $spy = Heartbeat::Spy->new($node, 'mallory', 'heartbeat_owner', 'heartbeat_worker');   # the records distinguish these roles
    $spy->act("CREATE TRIGGER t ... EXECUTE FUNCTION mallory.run_trigger()");    # runs this as mallory; returns the error or ''
    $spy->assert_only('on a table of readings', 'heartbeat_worker');             # mallory may also run the code

The spy's schema has the name of the role, and contains three functions: note(what) is for SQL and PL/pgSQL, noted(anyelement)
is for CHECKs, indexes and policies, and run_trigger() is for triggers of every kind. noted() returns true. Roles that are not
named in new() count as "other" or "superuser".

=cut

sub new
{
	my ($class, $node, $role, @roles) = @_;
	my $self = bless { node => $node, role => $role, kinds => [ $role, @roles, 'other', 'superuser' ] }, $class;
	$node->query($_) for "CREATE ROLE $role LOGIN", "CREATE SCHEMA $role AUTHORIZATION $role";
	$node->query("SET ROLE $role; $_")
	  for "GRANT USAGE ON SCHEMA $role TO PUBLIC",
	  (map { ("CREATE SEQUENCE $role.as_$_", "GRANT ALL ON SEQUENCE $role.as_$_ TO PUBLIC") } @{ $self->{kinds} }),
	  "CREATE TABLE $role.seen (actor name, session name, what text)", "GRANT INSERT ON $role.seen TO PUBLIC",
	  qq{CREATE FUNCTION $role.note(what text) RETURNS void LANGUAGE plpgsql AS \$\$
		DECLARE kind text := CASE WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN 'superuser'
			WHEN current_user = ANY ('{@{[ join ',', @{ $self->{kinds} } ]}}') THEN current_user ELSE 'other' END;
		BEGIN
			PERFORM pg_catalog.nextval(('$role.as_' || kind)::pg_catalog.regclass);
			BEGIN INSERT INTO $role.seen VALUES (current_user, session_user, what); EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN EXECUTE 'ALTER ROLE $role SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
		END \$\$},
	  # the function is IMMUTABLE, because an index accepts only immutable functions
	  qq{CREATE FUNCTION $role.noted(value anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
		\$\$ BEGIN PERFORM $role.note('noted'); RETURN true; END \$\$},
	  qq{CREATE FUNCTION $role.run_trigger() RETURNS trigger LANGUAGE plpgsql AS \$\$
		BEGIN
			PERFORM $role.note(pg_catalog.concat_ws(' ', TG_NAME, TG_TABLE_NAME, TG_WHEN, TG_OP));
			RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'TRUNCATE' THEN NULL ELSE NEW END;
		END \$\$};
	return $self;
}

# Runs a statement as the role. Returns the error, or '' if the statement succeeds.
sub act { my ($self, $sql) = @_; return $self->{node}->query_error("SET ROLE $self->{role}; $sql"); }

# Returns statements that create triggers of every kind on a table. The names of the triggers are spy_KIND_TABLE. Some of these
# statements can fail, because not every table allows every kind of trigger.
sub triggers_on
{
	my ($self, $table) = @_;
	my $run = "EXECUTE FUNCTION $self->{role}.run_trigger()";
	my $rows = 'INSERT OR UPDATE OR DELETE';
	my $on   = "ON public.$table";
	return (
		"CREATE TRIGGER spy_before_row_$table BEFORE $rows $on FOR EACH ROW $run",
		"CREATE TRIGGER spy_before_all_$table BEFORE $rows OR TRUNCATE $on FOR EACH STATEMENT $run",
		"CREATE TRIGGER spy_after_row_$table AFTER $rows $on FOR EACH ROW WHEN ($self->{role}.noted(1)) $run",
		"CREATE TRIGGER spy_after_all_$table AFTER TRUNCATE $on FOR EACH STATEMENT $run",
		"CREATE TRIGGER spy_new_rows_$table AFTER INSERT $on REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT $run",
		"CREATE TRIGGER spy_changes_$table AFTER UPDATE $on REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT $run",
		"CREATE TRIGGER spy_old_rows_$table AFTER DELETE $on REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT $run",
		"CREATE CONSTRAINT TRIGGER spy_deferred_$table AFTER $rows $on DEFERRABLE INITIALLY DEFERRED FOR EACH ROW $run");
}

# Returns the roles that have run the code since the last call of forget().
sub actors
{
	my ($self) = @_;
	return split / /, $self->{node}->query("$catalog SELECT concat_ws(' ', " . join(', ', map {
		"(SELECT '$_' FROM $self->{role}.as_$_ WHERE is_called)" } @{ $self->{kinds} }) . ')');
}

# Passes when only the allowed roles and the spy itself have run the code, and the spy is no superuser. Then calls forget().
sub assert_only
{
	my ($self, $what, @allowed) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %allowed = map { $_ => 1 } $self->{role}, @allowed;
	my $super   = $self->{node}->query("$catalog SELECT rolsuper FROM pg_roles WHERE rolname = '$self->{role}'") eq 't' ? 'and is a superuser' : '';
	my $passed  = is(join(' ', (grep { !$allowed{$_} } $self->actors), $super || ()), '', "$what: no other role runs the code");
	diag $self->{node}->query("$catalog SELECT DISTINCT * FROM $self->{role}.seen LIMIT 20") unless $passed;
	$self->forget;
	return $passed;
}

sub forget
{
	my ($self) = @_;
	$self->{node}->query($catalog . join '; ', "ALTER ROLE $self->{role} NOSUPERUSER", "TRUNCATE $self->{role}.seen",
		map { "SELECT setval('$self->{role}.as_$_', 1, false)" } @{ $self->{kinds} });
	return;
}

1;
