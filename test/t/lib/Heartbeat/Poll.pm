# Test code: the pauses of a loop that repeats a check until the check succeeds. Most checks start a process, for example psql,
# and many processes would slow other tests. So the first pause is short, and later pauses are longer.

package Heartbeat::Poll;

use strict;
use warnings;

use List::Util qw(min);
use Time::HiRes qw(usleep);

my $first_seconds = 0.02;
my $growth        = 1.4;

=pod

    my $poll = Heartbeat::Poll->new;    # Heartbeat::Poll->new(0.1): no pause is longer than 0.1 seconds; the default is 0.25
    until (check()) { $poll->pause }

=cut

sub new
{
	my ($class, $longest_seconds) = @_;
	return bless { next => $first_seconds, longest => $longest_seconds // 0.25 }, $class;
}

sub pause
{
	my ($self) = @_;
	usleep($self->{next} * 1e6);
	$self->{next} = min($self->{next} * $growth, $self->{longest});
	return;
}

1;
