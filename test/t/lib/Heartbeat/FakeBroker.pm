# Test code: a Kafka broker whose answers a test chooses. The test chooses the cluster id, the number of partitions, the range
# of offsets, the messages and the errors. The broker announces and understands only a few versions of Kafka's requests. The
# process of the broker ends with the test.

package Heartbeat::FakeBroker;

use strict;
use warnings;

use Carp;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use PostgreSQL::Test::Utils qw(append_to_file);

my @brokers;

=pod

    my $broker = Heartbeat::FakeBroker->new(topic => 'readings', messages => [ { value => '{...}' } ]);

Texts are bytes. Without options the broker answers like a good broker. Options: topic; name (the topic's name in answers);
cluster_id; partitions (how many partitions the metadata contain); claims (a wrong number of partitions in the metadata);
topic_error, partition_error, ranges_error (in ListOffsets), fetch_error (Kafka's numbers of errors); low and high (the
offsets in ListOffsets); end (the end offset in Fetch); messages ({ value, offset, timestamp } of partition 0, by default with
offsets from `low` on); refusal (the answer to a user and password; %s is the password);
advertised (the broker's address in the metadata, host:port); delay (the seconds by which each answer is late); throttle (the
seconds for which each answer to ListOffsets throttles the client: meanwhile the broker answers no request of this connection);
port (by default a free port); log (a file to which the broker appends the name of each request).

=cut

sub new
{
	my ($class, %manners) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $manners{port} // 0, ReuseAddr => 1, Listen => 64)
	  or croak "listen: $!";
	my $self = bless {
		cluster_id => 'fake-cluster',
		topic      => 'heartbeat-events',
		partitions => 1,
		low        => 0,
		messages   => [],
		%manners,
		port => $listener->sockport,
	}, $class;
	my $offset = $self->{low};
	for my $message (@{ $self->{messages} })
	{
		$message->{offset} //= $offset;
		$offset = $message->{offset} + 1;
	}
	$self->{name}   //= $self->{topic};
	$self->{claims} //= $self->{partitions};
	$self->{high}   //= $offset;
	$self->{end}    //= $self->{high};
	$self->{pid} = fork // croak "fork: $!";
	$self->_serve($listener) if $self->{pid} == 0;
	push @brokers, $self;
	return $self;
}

sub address { my ($self) = @_; return "127.0.0.1:$self->{port}"; }

# Ends the broker, and starts a broker with other options at the same address.
sub replace
{
	my ($self, %manners) = @_;
	$self->end;
	return Heartbeat::FakeBroker->new(%manners, port => $self->{port});
}

# Never returns.
sub _serve
{
	my ($self, $listener) = @_;
	$SIG{PIPE} = 'IGNORE';
	my $all = IO::Select->new($listener);
	my %said;    # the bytes received from each client, by file descriptor
	my @later;    # answers without a message to a fetch; the broker sends them a moment later
	my @late;    # answers that the broker sends later: the time, the client, the answer
	my %muted;    # the time until which the broker throttles a client, by file descriptor
	while (1)
	{
		for my $socket ($all->can_read(0.05))
		{
			if ($socket == $listener)
			{
				my $client = $listener->accept or next;
				setsockopt($client, IPPROTO_TCP, TCP_NODELAY, 1);
				$all->add($client);
				$said{ fileno $client } = '';
				delete $muted{ fileno $client };
				next;
			}
			my $said = \$said{ fileno $socket };
			if (!sysread($socket, $$said, 65536, length $$said))
			{
				$all->remove($socket);
				@later = grep { $_->[0] != $socket } @later;
				@late  = grep { $_->[1] != $socket } @late;
				close $socket;
				next;
			}
			while (length $$said >= 4 && length $$said >= 4 + unpack('N', $$said))
			{
				my $request = substr(substr($$said, 0, 4 + unpack('N', $$said), ''), 4);
				my ($answer, $empty) = $self->_answer($request);
				my $at = $muted{ fileno $socket } // 0;
				$muted{ fileno $socket } = ($at > time ? $at : time) + $self->{throttle} if $self->{throttle} && unpack('n', $request) == 2;
				if    ($at > time)     { push @late, [ $at, $socket, $answer ]; }
				elsif ($empty)         { push @later, [ $socket, $answer ]; }
				elsif ($self->{delay}) { push @late, [ time + $self->{delay}, $socket, $answer ]; }
				else                   { syswrite($socket, $answer); }
			}
		}
		syswrite($_->[0], $_->[1]) for splice @later;
		@late = sort { $a->[0] <=> $b->[0] } @late;
		while (@late && $late[0][0] <= time)
		{
			my (undef, $socket, $answer) = @{ shift @late };
			syswrite($socket, $answer);
		}
	}
	POSIX::_exit(0);
}

my %names = (
	1  => 'fetch',
	2  => 'list_offsets',
	3  => 'metadata',
	10 => 'find_coordinator',
	17 => 'sasl_handshake',
	18 => 'api_versions',
	36 => 'sasl_authenticate');
my @versions = ([ 0, 0, 7 ], [ 1, 4, 4 ], [ 2, 1, 2 ], [ 3, 0, 2 ], [ 8, 2, 2 ], [ 9, 1, 1 ], [ 10, 0, 0 ], [ 17, 0, 1 ], [ 18, 0, 3 ], [ 36, 0, 0 ]);

sub _text { my ($bytes) = @_; return defined $bytes ? pack('n/a*', $bytes) : pack('n', 0xffff); }

# Parses the list of partitions that begins at byte $at of a request. Returns a pair for each partition: its id, and the 64-bit
# integer after this id. $size is the number of bytes that the request has for a partition after the id.
sub _partitions
{
	my ($body, $at, $size) = @_;
	my $topics = unpack 'N', substr $body, $at;
	my @found;
	$at += 4;
	for (1 .. $topics)
	{
		$at += 2 + unpack 'n', substr $body, $at;
		my $count = unpack 'N', substr $body, $at;
		$at += 4;
		for (1 .. $count)
		{
			push @found, [ unpack 'N q>', substr $body, $at ];
			$at += 4 + $size;
		}
	}
	return @found;
}

# Returns the answer, and true if the broker should wait before it sends the answer, as a real broker waits when a fetch finds
# no message.
sub _answer
{
	my ($self, $request) = @_;
	my ($key, $version, $correlation, $client) = unpack 'n n N n/a*', $request;
	my $body = substr $request, 10 + length $client;
	my $name = '_' . ($names{$key} // 'unknown');
	append_to_file($self->{log}, "$name\n") if defined $self->{log};
	my ($answer, $empty) = $self->$name($version, $body);
	return (pack('N/a*', pack('N', $correlation) . $answer), $empty);
}

sub _unknown { return pack 'n', 35; }

sub _api_versions
{
	my ($self, $version) = @_;
	return pack('n C', 0, 1 + @versions) . join('', map { pack 'n n n C', @$_, 0 } @versions) . pack('N C', 0, 0) if $version == 3;
	return pack('n N', 0, scalar @versions) . join('', map { pack 'n n n', @$_ } @versions) . ($version > 0 ? pack 'N', 0 : '');
}

sub _metadata
{
	my ($self, $version) = @_;
	my ($host, $port) = split /:/, $self->{advertised} // $self->address;
	my $broker     = pack('N N', 1, 1) . _text($host) . pack('N', $port) . ($version > 0 ? _text(undef) : '');
	my $partitions = join '', map { pack 'n N N N N N N', $self->{partition_error} // 0, $_, 1, 1, 1, 1, 1 } 0 .. $self->{partitions} - 1;
	my $topic      = pack('n', $self->{topic_error} // 0) . _text($self->{name}) . ($version > 0 ? pack('C', 0) : '')
	  . pack('N', $self->{claims}) . $partitions;
	return $broker . ($version > 1 ? _text($self->{cluster_id}) : '') . ($version > 0 ? pack('N', 1) : '') . pack('N', 1) . $topic;
}

sub _list_offsets
{
	my ($self, $version, $body) = @_;
	my @asked = _partitions($body, $version > 1 ? 5 : 4, 8);
	my $throttle = int(1000 * ($self->{throttle} // 0));
	return ($version > 1 ? pack('N', $throttle) : '') . pack('N', 1) . _text($self->{topic}) . pack('N', scalar @asked) . join '',
	  map { pack 'N n q> q>', $_->[0], $self->{ranges_error} // 0, -1, $_->[1] == -2 ? $self->{low} : $self->{high} } @asked;
}

sub _fetch
{
	my ($self, $version, $body) = @_;
	my @asked  = _partitions($body, 17, 12);
	my $answer = pack('N N', 0, 1) . _text($self->{topic}) . pack('N', scalar @asked);
	my $empty  = 1;
	for my $asked (@asked)
	{
		my ($partition, $from) = @$asked;
		my @messages = $partition == 0 && !$self->{fetch_error} ? grep { $_->{offset} >= $from } @{ $self->{messages} } : ();
		my $records  = join '', map { _batch($_) } @messages;
		$empty = 0 if @messages;
		$answer .= pack 'N n q> q> N N/a*', $partition, $self->{fetch_error} // 0, $self->{end}, $self->{end}, 0, $records;
	}
	return ($answer, $empty);
}

sub _find_coordinator { return pack('n N', 15, 0xffffffff) . _text('') . pack('N', 0); }

sub _sasl_handshake { return pack('n N', 0, 1) . _text('PLAIN'); }

sub _sasl_authenticate
{
	my ($self, $version, $body) = @_;
	my (undef, undef, $password) = split /\0/, substr $body, 4;
	return pack('n', 58) . _text(sprintf $self->{refusal} // 'no', $password) . pack('N', 0);
}

my @crc_table = map {
	my $crc = $_;
	$crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
	$crc
} 0 .. 255;

sub _crc32c
{
	my ($bytes) = @_;
	my $crc = 0xffffffff;
	$crc = ($crc >> 8) ^ $crc_table[ ($crc ^ $_) & 0xff ] for unpack 'C*', $bytes;
	return $crc ^ 0xffffffff;
}

# Encodes a number in the zigzag format that Kafka uses inside records. The number must not be negative.
sub _varint
{
	my ($number) = @_;
	my $bytes = '';
	for ($number *= 2; $number > 127; $number >>= 7)
	{
		$bytes .= chr(128 | $number & 127);
	}
	return $bytes . chr $number;
}

# Encodes a message as a separate record batch.
sub _batch
{
	my ($message) = @_;
	my $time   = $message->{timestamp} // 1_790_000_000_000;
	my $record = "\0\0\0\1" . _varint(length $message->{value}) . $message->{value} . "\0";
	my $body   = pack('n N q> q> q> n N N', 0, 0, $time, $time, -1, 0xffff, 0xffffffff, 1) . _varint(length $record) . $record;
	my $rest   = pack('N C N', 0, 2, _crc32c($body)) . $body;
	return pack('q> N/a*', $message->{offset}, $rest);
}

sub end
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	kill('KILL', $pid);
	waitpid($pid, 0);
	return;
}

END
{
	my $status = $?;
	$_->end for @brokers;
	$? = $status;
}

1;
