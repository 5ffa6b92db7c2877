# A Kafka broker of a test's own: started on free ports, stopped, killed, frozen, and asked about what it holds.
# Test code. Every wait is for a condition with a deadline; every process is ended by its id, also when the test dies.

package Heartbeat::Kafka;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(rmtree);
use IPC::Run ();
use MIME::Base64 qw(encode_base64url);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Heartbeat::Kafka::Producer;
use Heartbeat::Kafka::Reader;

my $top   = abs_path(dirname(__FILE__) . '/../../../..');
my $kafka = "$top/test/kafka/kafka";
my $admin = "$top/build/test/kafka-admin";

my @brokers;

=pod

    my $kafka = Heartbeat::Kafka->new('name', %server_properties);   # free ports, formatted storage, not started
    $kafka->start;
    $kafka->create_topic('topic', 3, 'max.message.bytes=2000000');
    $kafka->produce('topic', { value => '{...}' }, { partition => 1, key => 'k', value => undef, timestamp => 1 });

Beside the properties: listeners => { NAME => 'SASL_SSL' }, further ones than PLAINTEXT, whose address is
$kafka->brokers('NAME') and whose properties begin with 'listener.name.name.'; scram => [ [ user, password ] ].

=cut

sub new
{
	my ($class, $name, %properties) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir("kafka_$name");
	my $listeners = delete $properties{listeners} // {};
	my $scram     = delete $properties{scram}     // [];
	my $self   = bless {
		name       => $name,
		folder     => "$folder",
		log        => "$PostgreSQL::Test::Utils::log_path/kafka_${name}_$$.log",
		port       => PostgreSQL::Test::Cluster::get_free_port(),
		controller => PostgreSQL::Test::Cluster::get_free_port(),
		listeners  => { map { $_ => [ $listeners->{$_}, PostgreSQL::Test::Cluster::get_free_port() ] } keys %$listeners },
		scram      => $scram,
		properties => \%properties,
		pid        => undef,
	}, $class;
	push @brokers, $self;
	$self->_write_properties;
	$self->format;
	return $self;
}

sub brokers
{
	my ($self, $listener) = @_;
	return defined $listener ? "localhost:$self->{listeners}{$listener}[1]" : "127.0.0.1:$self->{port}";
}

sub pid { my ($self) = @_; return $self->{pid}; }

# Of the broker, as its release is called.
sub version { my ($self) = @_; return $self->_run($kafka, 'version') =~ s/\s+\z//r; }

sub log_file { my ($self) = @_; return $self->{log}; }

# Prepares empty storage. A second call makes another cluster, with another id, behind the same port.
sub format
{
	my ($self) = @_;
	croak "the broker runs" if defined $self->{pid};
	rmtree("$self->{folder}/data");
	# Sixteen bytes in base64; the first is not random, because an id that begins with "-" looks like an option.
	my $id = encode_base64url(pack('C*', 0x41, map { int(rand(256)) } 1 .. 15));
	my @users = map { my ($name, $password) = @$_; map { ('--add-scram', "$_=[name=$name,password=$password]") }
		  qw(SCRAM-SHA-256 SCRAM-SHA-512) } @{ $self->{scram} };
	$self->_run($kafka, 'format', "$self->{folder}/server.properties", $id, @users);
	$self->{cluster_id} = $id;
	return $id;
}

sub cluster_id { my ($self) = @_; return $self->{cluster_id}; }

# Starts the broker, again with the same port and data after a stop; returns when it answers.
sub start
{
	my ($self, %opt) = @_;
	croak "the broker runs" if defined $self->{pid};
	my $pid = fork // croak "fork: $!";
	if ($pid == 0)
	{
		setpgrp;
		open(STDIN,  '<',  '/dev/null')   or POSIX::_exit(126);
		open(STDOUT, '>>', $self->{log}) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT)      or POSIX::_exit(126);
		exec($kafka, 'serve', "$self->{folder}/server.properties") or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	return if $opt{no_wait};
	$self->wait_until_ready;
	return;
}

sub wait_until_ready
{
	my ($self) = @_;
	my $deadline = time + 60;
	until ($self->_answers)
	{
		if (waitpid($self->{pid}, WNOHANG) == $self->{pid})
		{
			$self->{pid} = undef;
			croak "the broker ended while starting:\n" . $self->_log_tail;
		}
		croak "the broker does not answer:\n" . $self->_log_tail if time > $deadline;
	}
	return;
}

sub stop { my ($self) = @_; return $self->_end('TERM'); }

sub kill9 { my ($self) = @_; return $self->_end('KILL'); }

sub restart { my ($self) = @_; $self->stop; return $self->start; }

# A frozen broker keeps its connections and answers nothing, as one does behind a lost network.
sub freeze
{
	my ($self) = @_;
	kill('STOP', $self->{pid}) or croak "kill: $!";
	$self->{frozen} = 1;
	return;
}

sub thaw
{
	my ($self) = @_;
	kill('CONT', $self->{pid}) or croak "kill: $!";
	$self->{frozen} = 0;
	return;
}

sub create_topic
{
	my ($self, $topic, $partitions, @config) = @_;
	$self->_admin('create', $topic, $partitions // 1, map { ('--config', $_) } @config);
	return;
}

# Changes settings of the topic, key=value.
sub configure_topic
{
	my ($self, $topic, @config) = @_;
	$self->tool('configs', '--entity-type', 'topics', '--entity-name', $topic, '--alter', map { ('--add-config', $_) } @config);
	return;
}

sub delete_topic { my ($self, $topic) = @_; $self->_admin('delete', $topic); return; }

# Gives the topic more partitions.
sub grow_topic { my ($self, $topic, $partitions) = @_; $self->_admin('grow', $topic, $partitions); return; }

# Removes the messages of a partition before an offset, as retention would.
sub truncate
{
	my ($self, $topic, $partition, $offset) = @_;
	$self->_admin('truncate', $topic, $partition, $offset);
	return;
}

# The offset after the last message of each partition, as a list by partition.
sub end_offsets { my ($self, $topic) = @_; return map { $_->[2] } $self->_offsets($topic); }

# The first offset that each partition still holds, as a list by partition.
sub first_offsets { my ($self, $topic) = @_; return map { $_->[1] } $self->_offsets($topic); }

# A stream of messages to a topic; see Heartbeat::Kafka::Producer for its options.
sub producer
{
	my ($self, $topic, @options) = @_;
	return Heartbeat::Kafka::Producer->new($self->brokers, $topic, @options);
}

# All that a topic holds; see Heartbeat::Kafka::Reader.
sub reader
{
	my ($self, $topic, @options) = @_;
	return Heartbeat::Kafka::Reader->new($self->brokers, $topic, @options);
}

# Has a compacted topic compacted until it holds no more messages than that; returns how many it holds. Only segments
# that a later message has closed are compacted: publish_one publishes it.
sub wait_for_compaction
{
	my ($self, $topic, $at_most, $publish_one) = @_;
	my $deadline = time + 60;
	my $messages;
	do
	{
		$publish_one->();
		usleep(100_000);
		$messages = 0;
		my $reader = $self->reader($topic, '--compacted');
		$messages++ while $reader->next;
	} until ($messages <= $at_most or time > $deadline);
	return $messages;
}

# Publishes messages and returns when the broker has them all: { partition => [messages, first offset, last offset] }.
sub produce
{
	my ($self, $topic, @messages) = @_;
	my $producer = $self->producer($topic);
	$producer->send(@messages);
	return $producer->finish;
}

# The same in one transaction that is committed or aborted; it always ends with a marker that takes an offset.
sub produce_transaction
{
	my ($self, $topic, $outcome, @messages) = @_;
	croak "commit or abort?" unless $outcome =~ /^(commit|abort)$/;
	my @options = ('--transaction', "test-$$-" . ++$self->{transactions});
	push @options, '--abort' if $outcome eq 'abort';
	my $producer = $self->producer($topic, @options);
	$producer->send(@messages);
	return $producer->finish;
}

# Runs one of Kafka's own tools and returns what it printed.
sub tool
{
	my ($self, $tool, @arguments) = @_;
	return $self->_run($kafka, $tool, '--bootstrap-server', $self->brokers, @arguments);
}

# What kafka-consumer-groups shows of a group: { topic => { partition => { offset, end, lag } } }.
sub group_offsets
{
	my ($self, $group) = @_;
	my %found;
	for my $line (split /\n/, $self->tool('groups', '--describe', '--group', $group))
	{
		# GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
		next unless $line =~ /^\Q$group\E\s+(\S+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)/;
		$found{$1}{$2} = { offset => $3, end => $4, lag => $5 };
	}
	return \%found;
}

# Waits until the tool shows the group at these offsets of a topic, given by partition; returns what it showed last.
sub wait_for_group_offsets
{
	my ($self, $group, $topic, @expected) = @_;
	my $deadline = time + 60;
	my @shown;
	do
	{
		my $found = $self->group_offsets($group)->{$topic} // {};
		@shown = map { $found->{$_}{offset} // 'none' } 0 .. $#expected;
	} until ("@shown" eq "@expected" or time > $deadline);
	return @shown;
}

sub _offsets
{
	my ($self, $topic) = @_;
	return map { [ split / / ] } split /\n/, $self->_admin('offsets', $topic);
}

sub _admin
{
	my ($self, @arguments) = @_;
	return $self->_run($admin, '--brokers', $self->brokers, @arguments);
}

sub _answers
{
	my ($self) = @_;
	return IPC::Run::run([ $admin, '--brokers', $self->brokers, '--timeout', 1, 'ready' ],
		'<', \undef, '>', \my $out, '2>', \my $err);
}

sub _run
{
	my ($self, @command) = @_;
	my ($out, $err);
	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(90))
	  or croak "@command failed: $err$out";
	return $out;
}

sub _end
{
	my ($self, $signal) = @_;
	my $pid = $self->{pid} // return;
	kill('CONT', $pid) if $self->{frozen};
	kill($signal, $pid);
	my $deadline = time + 30;
	while (waitpid($pid, WNOHANG) == 0)
	{
		kill('KILL', $pid) if time > $deadline;
		usleep(5_000);
	}
	$self->{pid}    = undef;
	$self->{frozen} = 0;
	return;
}

sub _log_tail
{
	my ($self) = @_;
	my @lines = split /^/, PostgreSQL::Test::Utils::slurp_file($self->{log});
	return join '', @lines > 30 ? @lines[ -30 .. -1 ] : @lines;
}

sub _write_properties
{
	my ($self) = @_;
	my %listeners = %{ $self->{listeners} };
	my $addresses = join '', map { ",$_://localhost:$listeners{$_}[1]" } sort keys %listeners;
	my $protocols = join '', map { ",$_:$listeners{$_}[0]" } sort keys %listeners;
	my %properties = (
		'process.roles'                            => 'broker,controller',
		'node.id'                                  => 1,
		'controller.quorum.voters'                 => "1\@127.0.0.1:$self->{controller}",
		'listeners'                                => "PLAINTEXT://127.0.0.1:$self->{port},CONTROLLER://127.0.0.1:$self->{controller}$addresses",
		'advertised.listeners'                     => "PLAINTEXT://127.0.0.1:$self->{port}$addresses",
		'inter.broker.listener.name'               => 'PLAINTEXT',
		'controller.listener.names'                => 'CONTROLLER',
		'listener.security.protocol.map'           => "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$protocols",
		'log.dirs'                                 => "$self->{folder}/data",
		'auto.create.topics.enable'                => 'false',
		# After kill -9 the broker may return only when the controller has given up its former life.
		'broker.session.timeout.ms'                => 2000,
		'broker.heartbeat.interval.ms'             => 500,
		'offsets.topic.replication.factor'         => 1,
		'offsets.topic.num.partitions'             => 1,
		'transaction.state.log.replication.factor' => 1,
		'transaction.state.log.min.isr'            => 1,
		'transaction.state.log.num.partitions'     => 1,
		'group.initial.rebalance.delay.ms'         => 0,
		'log.cleaner.dedupe.buffer.size'           => 2097152,
		# A test's messages may be of any time; half a minute after the start the broker looks for old ones.
		'log.retention.ms'                         => -1,
		'num.network.threads'                      => 2,
		'num.io.threads'                           => 2,
		%{ $self->{properties} });
	open(my $file, '>', "$self->{folder}/server.properties") or croak "server.properties: $!";
	print $file map { "$_=$properties{$_}\n" } sort keys %properties;
	close($file) or croak "server.properties: $!";
	return;
}

# A broker outlives no test. The exit status is the test's, not that of a child waited for here.
END
{
	my $status = $?;
	$_->_end('KILL') for @brokers;
	$? = $status;
}

1;
