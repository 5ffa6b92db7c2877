# Test code: injects random faults into a server and a Kafka while messages arrive. The choice of faults depends only on the
# seed. This code keeps a list of the faults with the duration of each recovery, and checks all data at the end. The test starts
# the server and the broker. With a Heartbeat::Kafka::Cluster this code also measures for how long a Kafka partition with a live
# leader is not read (a standstill). It does not use Test::More, because script/soak is not a test.

package Heartbeat::Chaos;

use strict;
use warnings;

use Carp;
use List::Util qw(all max min sum);
use Time::HiRes qw(time usleep);

use Heartbeat::Chaos::ClusterFaults;
use Heartbeat::Chaos::Faults;
use Heartbeat::Chaos::Load;
use Heartbeat::Chaos::Messages;
use Heartbeat::Chaos::Plan;
use Heartbeat::Chaos::Proof;
use Heartbeat::Chaos::Standstill;
use Heartbeat::Poll;

my $deadline_seconds = 120;

=pod

    my $chaos = Heartbeat::Chaos->new(node => $node, kafka => $kafka, topic => 'heartbeat-events', partitions => 5,
        workers => 3, seed => 1, rate => 2000, padding => 0);
    $chaos->create_topic;
    $chaos->start;                       # publishes the messages
    my $event = $chaos->strike;          # injects one fault, and waits for the recovery
    print $chaos->line($event);          # @{ $event->{problems} } is empty if there was no problem
    my @proofs = $chaos->proofs;         # stops publishing; returns { claim, difference } for each check; '' if the claim is true
    print $chaos->summary, $chaos->composition;

=cut

sub new
{
	my ($class, %opt) = @_;
	my $self = bless { padding => 0, %opt, events => [] }, $class;
	$self->{begin}  = int(time) - 6 * 3600;    # six hours ago, because the event times of the messages advance faster than real time
	$self->{deck} //= $self->_is_cluster ? 'cluster' : 'single';
	$self->{plan}   = Heartbeat::Chaos::Plan->new(map { $_ => $self->{$_} } qw(seed workers partitions deck));
	my $faults = $self->_is_cluster ? 'Heartbeat::Chaos::ClusterFaults' : 'Heartbeat::Chaos::Faults';
	$self->{faults} = $faults->new(map { $_ => $opt{$_} } qw(node kafka topic));
	return $self;
}

sub _is_cluster { my ($self) = @_; return $self->{kafka}->isa('Heartbeat::Kafka::Cluster'); }

# With several brokers each Kafka partition has two replicas, and the replicas are spread evenly over the brokers.
sub create_topic
{
	my ($self) = @_;
	return $self->{kafka}->create_topic($self->{topic}, $self->{partitions}) unless $self->_is_cluster;
	my @ids = map { $_->id } $self->{kafka}->nodes;
	return $self->{kafka}->create_assigned_topic($self->{topic},
		[ map { [ @ids[ $_ % @ids, ($_ + 1) % @ids ] ] } 0 .. $self->{partitions} - 1 ]);
}

sub messages
{
	my ($self) = @_;
	return Heartbeat::Chaos::Messages->new(map { $_ => $self->{$_} } qw(seed partitions begin padding));
}

sub start
{
	my ($self) = @_;
	$self->{load} = Heartbeat::Chaos::Load->start(
		messages => $self->messages,
		map { $_ => $self->{$_} } qw(kafka topic rate));
	$self->{began} = time;
	my $deadline = time + $deadline_seconds;
	until (keys %{ $self->_look->{passed} } == $self->{partitions} && all { $_ > 0 } values %{ $self->_look->{passed} })
	{
		croak 'the worker stores no messages' if time > $deadline;
		usleep(50_000);
	}
	$self->{standstill} = $self->{faults}{standstill} = Heartbeat::Chaos::Standstill->start(map { $_ => $self->{$_} } qw(node kafka topic))
	  if $self->_is_cluster;
	return;
}

# Injects one fault from the plan, and waits until every Kafka partition makes progress. After a fault with the flag `hasty`
# the function does not wait.
sub strike
{
	my ($self) = @_;
	my $fault = $self->{plan}->next;
	my $began = time;
	my %event = (number => 1 + @{ $self->{events} }, fault => $fault, at => time - $self->{began}, problems => []);
	push @{ $self->{events} }, \%event;
	eval { $self->_recover(\%event, $self->{faults}->strike($fault)); 1 } or push @{ $event{problems} }, $@;
	push @{ $event{problems} }, $self->{faults}->broken_promises;
	push @{ $event{problems} }, 'the load has ended' unless $self->{load}->is_running;
	# The test does not wait for the recovery from a `hasty` fault, so after a hasty fault of the database the database can
	# still delay the worker. So this code measures no standstill until a fault without this flag is over.
	$self->{standstill}->add_window($fault->{kind}, $began, time) if $fault->{of_cluster} && !$self->{database_hasty};
	$self->{database_hasty} = $fault->{hasty} && (!$fault->{of_cluster} || $self->{database_hasty});
	return \%event;
}

sub _recover
{
	my ($self, $event, $over) = @_;
	my $before = $self->_look;
	my $look   = $before;
	my $poll   = Heartbeat::Poll->new(0.1);
	until ($event->{fault}{hasty})
	{
		$look = $self->_look;
		my @gone_on = grep { $look->{passed}{$_} > $before->{passed}{$_} } keys %{ $look->{passed} };
		$event->{first} //= time - $over if @gone_on;
		if (@gone_on == $self->{partitions})
		{
			$event->{every} = time - $over;
			last;
		}
		if (time > $over + $deadline_seconds)
		{
			push @{ $event->{problems} }, scalar(@gone_on) . " of $self->{partitions} partitions have made progress after $deadline_seconds s";
			last;
		}
		$poll->pause;
	}
	push @{ $event->{problems} }, "the audit shows differences: $look->{audit}" if $look->{audit} ne '';
	@{$event}{qw(state total)} = ($look->{state}, sum(values %{ $look->{passed} }));
	return;
}

# Returns three values: how many offsets the workers have passed in each partition, the state, and the differences of the audit.
# An offset counts each time that a worker passes it, for example again after a seek.
sub _look
{
	my ($self) = @_;
	my ($passed, $state, $audit) = split /\|/, $self->{faults}->ask(
		"SELECT (SELECT string_agg(partition || ' ' || next_offset - first_offset + rewound, ' ') FROM heartbeat_offsets),
			(SELECT state FROM heartbeat_status),
			(SELECT string_agg(partition || ': ' || coalesce(difference::text, 'unknown'), ', ')
				FROM heartbeat_audit() WHERE difference IS DISTINCT FROM 0)"), -1;
	return { passed => { split / /, $passed }, state => $state, audit => $audit };
}

# Stops publishing, waits until the workers have read all messages, and checks all data.
sub proofs
{
	my ($self) = @_;
	my @proofs;
	eval {
		$self->{load}->finish;
		$self->{proof} = Heartbeat::Chaos::Proof->new(
			messages => $self->messages,
			map { $_ => $self->{$_} } qw(node kafka topic load faults));
		@proofs = $self->{proof}->all;
		1;
	} or push @proofs, { claim => 'the load can be ended, and the data can be checked', difference => $@ };
	return @proofs;
}

# Returns, for each kind of fault, the longest standstill of a partition with a live leader. Call this function only for a
# cluster, after the end of publishing.
sub standstills
{
	my ($self) = @_;
	$self->{standstill}->stop;
	return %{ $self->{standstills} //= { $self->{standstill}->longest($self->{load}->receipts) } };
}

sub standstill_in_words
{
	my ($self) = @_;
	my %still = $self->standstills;
	return sprintf '%.2f s for a partition with a live leader and unread messages, %s', max(0, values %still), $self->{standstill}->moment;
}

# Describes the contents of the topic in a sentence. Call composition() after proofs().
sub composition { my ($self) = @_; return $self->{proof}->composition; }

sub faults_struck
{
	my ($self) = @_;
	return sum(0, map { $_->{fault}{meanwhile} ? 2 : 1 } @{ $self->{events} });
}

# Returns one line of text about a fault: the time and the kind of the fault, and two durations in seconds. Both durations begin at
# the end of the fault. The first duration ends when a message is stored. The second duration ends when a message of each
# partition is stored.
sub line
{
	my ($self, $event) = @_;
	my $recovery = $event->{fault}{hasty} ? 'not waited for' : sprintf '%.2f s, all %.2f s', $event->{first} // -1, $event->{every} // -1;
	my $line = sprintf '%3d. %7.1f s  %-10s %9d passed  %-24s %s', $event->{number}, $event->{at}, $event->{state} // '?',
	  $event->{total} // 0, $recovery, Heartbeat::Chaos::Plan::describe($event->{fault});
	return join "\n", $line, map { "     PROBLEM: $_" } @{ $event->{problems} };
}

sub history { my ($self) = @_; return join "\n", "seed $self->{seed}", map { $self->line($_) } @{ $self->{events} }; }

sub _median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ]; }

# Returns a table with a row for each kind of fault. The columns are the number of faults, the number of second faults (during
# another fault), and the median and the longest recovery in seconds. Recoveries for which the test has not waited do not count.
# For a cluster the row also has the longest standstill.
sub summary
{
	my ($self) = @_;
	my (%count, %meanwhile, %first, %every);
	for my $event (@{ $self->{events} })
	{
		my $kind = $event->{fault}{kind};
		$count{$kind}++;
		$meanwhile{ $event->{fault}{meanwhile}{kind} }++ if $event->{fault}{meanwhile};
		next unless defined $event->{every};
		push @{ $first{$_} }, $event->{first} for $kind, 'all';
		push @{ $every{$_} }, $event->{every} for $kind, 'all';
	}
	my %still = $self->_is_cluster ? $self->standstills : ();
	$still{all}     = max(values %still) if %still;
	$count{all}     = sum(values %count);
	$meanwhile{all} = sum(0, values %meanwhile);
	my $format = "%-22s %6s %9s   %8s %8s   %8s %8s" . (%still ? '   %10s' : '') . "\n";
	my @titles = ([ '', '', 'during', 'next', 'message', 'each', 'partition', 'longest' ], [ 'fault', 'times', 'another', ('median', 'longest') x 2, 'standstill' ]);
	my $text   = join '', map { sprintf $format, @$_[ 0 .. (%still ? 7 : 6) ] } @titles;
	my %deck = Heartbeat::Chaos::Plan::deck($self->{deck});
	for my $kind ((sort keys %deck), 'all')
	{
		my @times = map { $_->{$kind} ? map { sprintf '%.2f s', $_ } _median(@{ $_->{$kind} }), max(@{ $_->{$kind} }) : ('-', '-') } \%first, \%every;
		push @times, defined $still{$kind} ? sprintf '%.2f s', $still{$kind} : '-' if %still;
		$text .= sprintf $format, $kind, $count{$kind} // 0, $meanwhile{$kind} // 0, @times;
	}
	return $text;
}

1;
