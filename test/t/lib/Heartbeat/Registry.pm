# Test code: a real schema registry of a test, in one process with its data in memory. It can be started, stopped, killed and
# frozen. Each function that waits has a condition and a deadline. The process ends with the test.

package Heartbeat::Registry;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use HTTP::Tiny;
use JSON::PP ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my $program          = abs_path(dirname(__FILE__) . '/../../../..') . '/test/registry/registry';
my $deadline_seconds = 60;
my @registries;

=pod

    my $registry = Heartbeat::Registry->new('name');                  # a free port, not started
    $registry->start;
    my $id = $registry->register('ward-value', 'AVRO', $schema);      # returns the id of the schema
    $registry->register('ward-value', 'AVRO', $newer, [ { name => 'Person', subject => 'person', version => 1 } ]);

After stop() or kill9() the registry has forgotten all schemas. After a restart the ids begin again with 1.

=cut

sub new
{
	my ($class, $name) = @_;
	my $self = bless {
		name   => $name,
		port   => PostgreSQL::Test::Cluster::get_free_port(),
		log    => "$PostgreSQL::Test::Utils::log_path/registry_${name}_$$.log",
		http   => HTTP::Tiny->new(timeout => 20),
		pid    => undef,
		frozen => 0,
	}, $class;
	push @registries, $self;
	return $self;
}

sub port { my ($self) = @_; return $self->{port}; }

sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}/apis/ccompat/v7"; }

# Starts the process. With no_wait => 1 the caller must call wait_until_ready().
sub start
{
	my ($self, %opt) = @_;
	croak "$self->{name} runs" if defined $self->{pid};
	my $pid = fork // croak "fork: $!";
	if ($pid == 0)
	{
		setpgrp;
		open(STDIN,  '<',  '/dev/null')  or POSIX::_exit(126);
		open(STDOUT, '>>', $self->{log}) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT)     or POSIX::_exit(126);
		exec($program, 'serve', $self->{port}) or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$self->wait_until_ready unless $opt{no_wait};
	return;
}

sub wait_until_ready
{
	my ($self) = @_;
	my $deadline = time + $deadline_seconds;
	until ($self->{http}->get($self->url . '/subjects')->{success})
	{
		my $ended = waitpid($self->{pid}, WNOHANG) == $self->{pid};
		croak "$self->{name} does not answer:\n" . slurp_file($self->{log}) if $ended || time > $deadline;
		usleep(50_000);
	}
	return;
}

sub stop { my ($self) = @_; return $self->_end('TERM'); }

sub kill9 { my ($self) = @_; return $self->_end('KILL'); }

sub restart { my ($self) = @_; $self->stop; return $self->start; }

# A frozen process keeps its connections and answers nothing, like a process that has lost its network.
sub freeze { my ($self) = @_; kill('STOP', $self->{pid}) or croak "kill: $!"; $self->{frozen} = 1; return; }

sub thaw { my ($self) = @_; kill('CONT', $self->{pid}) or croak "kill: $!"; $self->{frozen} = 0; return; }

sub _end
{
	my ($self, $signal) = @_;
	my $pid = $self->{pid} // return;
	kill($signal, $pid);
	kill('CONT', $pid) if $self->{frozen};    # so that the pending signal takes effect
	my $deadline = time + 30;
	while (waitpid($pid, WNOHANG) == 0)
	{
		kill('KILL', $pid) if time > $deadline;
		usleep(5_000);
	}
	@{$self}{qw(pid frozen)} = (undef, 0);
	return;
}

# Registers a schema, and returns its id. The type is AVRO, PROTOBUF or JSON.
sub register
{
	my ($self, $subject, $type, $schema, $references) = @_;
	my $answer = $self->{http}->post($self->url . "/subjects/$subject/versions", {
		headers => { 'Content-Type' => 'application/vnd.schemaregistry.v1+json' },
		content => JSON::PP::encode_json({ schemaType => $type, schema => $schema, references => $references // [] }) });
	croak "cannot register $subject: $answer->{content}" unless $answer->{success};
	return JSON::PP::decode_json($answer->{content})->{id};
}

# The processes must end with the test. When the processes end, Perl changes $?, but the exit status of the test must not
# change.
END
{
	my $status = $?;
	$_->_end('KILL') for @registries;
	$? = $status;
}

1;
