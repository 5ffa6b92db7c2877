# Test code: the messages of a test with faults, in the order of publishing: readings on time, late readings, repeated
# readings, and bad messages. This code computes the expected result of each message without the extension. The same seed makes
# the same messages. The Kafka timestamp identifies a message.

package Heartbeat::Chaos::Messages;

use strict;
use warnings;

use Heartbeat::Chaos::Dice;
use Heartbeat::Reading;

my $customers  = 60;
my $step       = 10_000;    # microseconds of event time from one message to the next
my $remembered = 4_000;    # original readings that may be published again

# The delays of late readings in seconds. The event times are, in this order: in a recent minute, in an older minute, in another
# week, in a week without a table partition, and in the future (a negative delay). The last digit of the microseconds is the
# number of the delay (1 to 5), or 0 for a reading on time.
my @late = (90, 3 * 3600, 9 * 86_400, 800 * 86_400, -3 * 86_400);

my @kinds = (('reading') x 78, ('late') x 5, ('again') x 5, ('elsewhere') x 4, ('restated') x 2, ('bad') x 6);

# Bad messages: each function gets the text of a reading, the number of the message, and the generator of random numbers.
my @bad = (
	sub { '' },
	sub { undef },
	sub { "\0" },
	sub { "\0" x 100 },
	sub { $_[0] . "\0" },
	sub { substr $_[0], 0, 1 + $_[2]->below(length($_[0]) - 1) },
	sub { $_[0] . $_[0] },
	sub { $_[0] =~ s/"heart_rate":/"heart":/r },
	sub { $_[0] =~ s/"heart_rate":([-\d.]+)/"heart_rate":"$1"/r },
	sub { $_[0] =~ s/"customer_id":"/"customer_id":"\\u0000/r },
	sub { $_[0] =~ s/"customer_id":"/"customer_id":"\xff/r },
	sub { $_[0] =~ s/T(\d\d):/T25:/r },
	sub { "[$_[1]]" },
	sub { "no reading, number $_[1]" },
	sub { '[' x 5_000 },
	sub { join '', map { chr $_[2]->below(256) } 0 .. $_[2]->below(200) });

# Options: seed, partitions, begin (seconds since 1970, the Kafka timestamp of message 0), padding (bytes of white space
# after each reading, to make large messages; default: 0).
sub new
{
	my ($class, %opt) = @_;
	return bless {
		padding => 0,
		%opt,
		dice      => Heartbeat::Chaos::Dice->new($opt{seed}),
		number    => 0,
		originals => [],
	}, $class;
}

# Returns the number of the message with this Kafka timestamp.
sub number_of { my ($self, $timestamp) = @_; return $timestamp - $self->{begin} * 1000; }

# Returns the next message: number, partition, key, value and timestamp. A reading also has customer, rate, time and class.
sub next
{
	my ($self) = @_;
	my $number  = $self->{number}++;
	my $kind    = $self->{dice}->pick(@kinds);
	my $message = $self->_make($kind, $number);
	$message->{key}       //= $message->{customer} unless exists $message->{key};
	$message->{value}     //= reading(@{$message}{qw(customer rate time)}) . ' ' x $self->{padding} if $message->{class};
	$message->{number}    = $number;
	$message->{timestamp} = $self->{begin} * 1000 + $number;
	return $message;
}

sub _make
{
	my ($self, $kind, $number) = @_;
	my $dice = $self->{dice};
	return $self->_bad($number) if $kind eq 'bad';
	if ($kind !~ /reading|late/ && @{ $self->{originals} })
	{
		my %message = %{ $dice->pick(@{ $self->{originals} }) };
		$message{partition} = ($message{partition} + 1 + $dice->below($self->{partitions} - 1)) % $self->{partitions}
		  if $kind eq 'elsewhere';
		# `restated` repeats a reading in the same partition with another heart rate; heartbeat stores both readings only if
		# they belong in different tables
		@message{qw(rate class)} = _rate($dice) if $kind eq 'restated';
		return \%message;
	}
	my $message = $self->_original($kind eq 'late' ? 1 + $dice->below(scalar @late) : 0, $number);
	$self->{originals}[ $self->{made}++ % $remembered ] = $message;
	return {%$message};
}

sub _original
{
	my ($self, $lateness, $number) = @_;
	my $customer = $self->{dice}->below($customers);
	my %message = (customer => sprintf('CUST-%04d', $customer), partition => $customer % $self->{partitions});
	@message{qw(rate class)} = _rate($self->{dice});
	my $event = $number * $step;
	$message{time} = reading_time(
		$self->{begin} + int($event / 1e6) - ($lateness ? $late[ $lateness - 1 ] : 0),
		$event % 1e6 + $lateness);
	return \%message;
}

# Returns a heart rate as text, and its class by the rule of the specification. The heart rate is a multiple of 0.25, so a sum
# of heart rates is exact in any order. Some heart rates are at boundaries between classes, such as 40 or 180.
sub _rate
{
	my ($dice) = @_;
	my $draw = $dice->unit;
	my $quarters =
	    $draw < 0.04 ? $dice->pick(160, 720, 159, 721, 0, 1, -1, 1200, 1201)
	  : $draw < 0.90 ? 160 + $dice->below(561)
	  : $draw < 0.94 ? 721 + $dice->below(480)
	  : $draw < 0.97 ? 1 + $dice->below(159)
	  :                $dice->pick(-400 + $dice->below(401), 1201 + $dice->below(4_000));
	my $rate = $quarters / 4;
	my $class = $rate <= 0 || $rate > 300 ? 'INVALID' : $rate < 40 ? 'BRADYCARDIA' : $rate <= 180 ? 'NORMAL' : 'TACHYCARDIA';
	return ("$rate", $class);
}

sub _bad
{
	my ($self, $number) = @_;
	my $dice  = $self->{dice};
	my $text  = reading('CUST-0000', 70, reading_time($self->{begin}));
	my $value = $dice->pick(@bad)->($text, $number, $dice);
	my $key   = $dice->pick(undef, '', "\xff\0$number", 'CUST-0000');
	return { partition => $dice->below($self->{partitions}), key => $key, value => $value };
}

1;
