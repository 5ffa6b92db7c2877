# Test code: random numbers that depend only on the seed. This class does not use Perl's rand(), because rand() has one state
# for the whole process: any other call of rand() would change the sequence. The algorithm is xorshift64.

package Heartbeat::Chaos::Dice;

use strict;
use warnings;

use Carp;

my $mask = ~0;    # 64 bits

sub new
{
	my ($class, $seed) = @_;
	croak "a seed is a whole number from 0 to 4294967295, not $seed" if $seed !~ /^\d{1,10}$/ || $seed > 0xffffffff;
	my $self = bless { state => ($seed + 1) * 0x9e3779b9 }, $class;
	$self->unit for 1 .. 20;    # skips 20 numbers: a small seed has few bits that are 1, so the first numbers are not random enough
	return $self;
}

# Returns a number that is at least 0 and below 1.
sub unit
{
	my ($self) = @_;
	my $x = $self->{state};
	$x ^= ($x << 13) & $mask;
	$x ^= $x >> 7;
	$x ^= ($x << 17) & $mask;
	$self->{state} = $x;
	return ($x >> 11) / 2**53;
}

sub below { my ($self, $count) = @_; return int($self->unit * $count); }

sub between { my ($self, $low, $high) = @_; return $low + $self->unit * ($high - $low); }

sub chance { my ($self, $probability) = @_; return $self->unit < $probability; }

sub pick { my ($self, @choices) = @_; return $choices[ $self->below(scalar @choices) ]; }

sub shuffle
{
	my ($self, @cards) = @_;
	for my $i (reverse 1 .. $#cards)
	{
		my $j = $self->below($i + 1);
		@cards[ $i, $j ] = @cards[ $j, $i ];
	}
	return @cards;
}

1;
