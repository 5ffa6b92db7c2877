# Test code: runs the SQL of a document as a reader of the document does. A test names a ```sql block by its section and number.
# psql runs the block as the role that the test gives to new(). Blocks with the comment `-- superuser` run as a superuser. The
# output of the test has each block and its result.

package Heartbeat::Runbook;

use strict;
use warnings;

use Carp;
use Exporter qw(import);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

use PostgreSQL::Test::Utils;

our @EXPORT = qw(document_block grants_of);

my $top = abs_path(dirname(__FILE__) . '/../../../..');

=pod

    my $runbook = Heartbeat::Runbook->new($node, 'docs/operations.md', 'heartbeat_operator');
    my $answer = $runbook->run('PAUSED', 1);        # the first block of the section "PAUSED"; an error ends the test
    $runbook->assert_all_run('States');             # passes when every block of the part "States" has run

Without a role all blocks run as a superuser. For a document about several servers:

    my $there = $runbook->on($subscriber, $database, publisher => $connection);   # sets the psql variable publisher, as -v does
    $there->run('Subscribe', 1);                                                  # $runbook counts this block too

    $runbook->replace('https://registry:8081', $url);                             # replaces this text in all blocks

    $node->query(grants_of('heartbeat_reader'));                              # creates the role with the rights in docs/security.md
    my $sql = document_block('docs/administration.md', 'ALTER DATABASE');     # the block that begins with this text

=cut

sub document_block
{
	my ($file, $beginning) = @_;
	my ($sql) = slurp_file("$top/$file") =~ /^```sql\n(\Q$beginning\E\b.*?)^```/ms or croak "$file has no block $beginning";
	return $sql;
}

sub grants_of { my ($role) = @_; return document_block('docs/security.md', "CREATE ROLE $role"); }

sub new
{
	my ($class, $node, $file, $role) = @_;
	my $self = bless { node => $node, role => $role, blocks => {}, run => {}, parts => {} }, $class;
	my ($part, $section, $block) = ('', '');
	for my $line (split /^/, slurp_file("$top/$file"))
	{
		if    (defined $block && $line eq "```\n")     { push @{ $self->{blocks}{$section} }, $block; $block = undef; }
		elsif (defined $block)                         { $block .= $line; }
		elsif ($line eq "```sql\n")                    { $block = ''; }
		elsif ($line =~ /^(#{1,3}) (.*)$/)
		{
			$section = $2;
			$part    = $section if length $1 < 3;
			push @{ $self->{parts}{$part} }, $section;
		}
	}
	croak "$file has no SQL" unless keys %{ $self->{blocks} };
	return $self;
}

# Returns an object for the same document and another server. assert_all_run() accepts a block that has run on any of the
# servers.
sub on
{
	my ($self, $node, $database, %variables) = @_;
	return bless { %$self, node => $node, database => $database, variables => \%variables }, ref $self;
}

# Replaces a text in all blocks, for example the name of a host by the name of the test's host.
sub replace
{
	my ($self, $text, $by) = @_;
	for my $blocks (values %{ $self->{blocks} }) { s/\Q$text\E/$by/g for @$blocks; }
	return;
}

# Runs a block, and returns the result in the format of psql -At. If a database is given, the block runs in this database.
sub run
{
	my ($self, $section, $number, $database) = @_;
	my $sql = $self->{blocks}{$section}[ $number - 1 ] // croak "section $section has no block $number";
	$self->{run}{"$section $number"} = 1;
	my @role = !defined $self->{role} || $sql =~ /^-- superuser$/m ? () : ('-U', $self->{role});
	my %variables = %{ $self->{variables} // {} };
	my ($status, $answer, $error) = $self->{node}->psql($database // $self->{database} // $self->{node}{heartbeat_database}, $sql,
		extra_params => [ @role, map { ('-v', "$_=$variables{$_}") } sort keys %variables ]);
	croak "$section, block $number: $error\n$sql" if $status != 0;
	note _indented('remedy', $sql), $answer eq '' ? () : _indented('->', $answer);
	return $answer;
}

# Prints and returns the columns of heartbeat_status that a person on call needs: state, reason, lag and hint.
sub look
{
	my ($self, $what) = @_;
	my $status = $self->{node}->query(
		"SELECT concat_ws(' | ', state, reason, 'lag ' || lag_messages, 'hint: ' || hint) FROM heartbeat_status");
	note "$what\n    status: $status";
	return $status;
}

# Passes when each block of these parts of the document has run. The name of a part is its heading.
sub assert_all_run
{
	my ($self, @parts) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @left;
	for my $section (map { @{ $self->{parts}{$_} // croak "no part $_" } } @parts)
	{
		push @left, grep { !$self->{run}{$_} } map { "$section $_" } 1 .. @{ $self->{blocks}{$section} // [] };
	}
	return is("@left", '', "each block was run: @parts");
}

# Returns the names of all parts, in no particular order.
sub parts { my ($self) = @_; return keys %{ $self->{parts} }; }

sub _indented
{
	my ($label, $text) = @_;
	my @lines = split /\n/, $text;
	@lines = (@lines[ 0 .. 9 ], '...') if @lines > 10;
	return join '', map { sprintf "    %-7s %s\n", $_ == 0 ? "$label:" : '', $lines[$_] } 0 .. $#lines;
}

1;
