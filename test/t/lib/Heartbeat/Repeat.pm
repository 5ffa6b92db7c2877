# Test code: repeats a query in one psql process. The start of psql and of a session needs much more CPU time than a query. So
# the repetitions of a wait use one psql. If its session ends, the next repetition starts another psql.

package Heartbeat::Repeat;

use strict;
use warnings;

use Carp;
use IO::Handle;
use IO::Select;
use List::Util qw(max);
use POSIX ();

use PostgreSQL::Test::Utils;

my $end_of_answer  = 'heartbeat: end of the answer';
my $answer_seconds = 60;                                # the longest wait for one answer

=pod

    my $repeat = Heartbeat::Repeat->new($node, 'heartbeat', 'SELECT count(*) FROM heartbeat_records');
    my $answer = $repeat->answer;    # in the format of psql -At, or '' if the query failed, or undef without an answer in a minute
    my $error  = $repeat->error;     # the error messages of the last answer

=cut

sub new
{
	my ($class, $node, $database, $sql) = @_;
	return bless {
		node    => $node,
		command => [ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', '-' ],
		query   => "$sql\n;\n\\echo $end_of_answer\n",
		errors  => PostgreSQL::Test::Utils::tempdir('repeat') . '/errors',
		test    => $$
	}, $class;
}

sub answer
{
	my ($self) = @_;
	$self->_start unless $self->{pid};
	local $SIG{PIPE} = 'IGNORE';    # psql may have ended
	truncate($self->{errors}, 0);
	print { $self->{input} } $self->{query};
	my $deadline = time + $answer_seconds;
	my $answer   = '';
	while (IO::Select->new($self->{output})->can_read(max(0, $deadline - time)) && sysread $self->{output}, $answer, 65536, length $answer)
	{
		return $answer =~ s/\n\z//r if $answer =~ s/^\Q$end_of_answer\E\n\z//m;
	}
	# the query has failed and psql ends, or the server does not answer and psql waits for it
	my $late = time >= $deadline;
	kill('KILL', $self->{pid});
	$self->_end;
	return $late ? undef : '';
}

sub error { my ($self) = @_; return slurp_file($self->{errors}); }

sub _start
{
	my ($self) = @_;
	pipe(my $input_read, my $input)        or croak "pipe: $!";
	pipe(my $output,     my $output_write) or croak "pipe: $!";
	local %ENV = $self->{node}->_get_env;
	my $pid = fork // croak "fork: $!";
	if ($pid == 0)
	{
		open(STDIN,  '<&', $input_read)        or POSIX::_exit(126);
		open(STDOUT, '>&', $output_write)      or POSIX::_exit(126);
		open(STDERR, '>>', $self->{errors})    or POSIX::_exit(126);
		exec(@{ $self->{command} }) or POSIX::_exit(127);
	}
	close $input_read;
	close $output_write;
	$input->autoflush(1);
	@{$self}{qw(pid input output)} = ($pid, $input, $output);
	return;
}

sub _end
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	close delete $self->{input};
	close delete $self->{output};
	local $?;
	waitpid($pid, 0);
	return;
}

sub DESTROY { my ($self) = @_; $self->_end if $self->{test} == $$; return; }

1;
