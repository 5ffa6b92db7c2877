# Test code: runs the programs that Heartbeat::Kafka uses: Kafka itself, and the admin clients of test/kafka.

package Heartbeat::Kafka::Programs;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use IPC::Run ();

our @EXPORT_OK = qw($kafka_program $admin_program $cluster_program run_program run_programs);

my $top = abs_path(dirname(__FILE__) . '/../../../../..');
our $kafka_program = "$top/test/kafka/kafka";
our $admin_program = "$top/build/test/kafka-admin";
our $cluster_program = "$top/build/test/kafka-cluster";

my $deadline_seconds = 180;

# Runs a program, and returns its output. If the program fails, the test ends.
sub run_program { my (@command) = @_; return (run_programs(\@command))[0]; }

# Runs several programs at the same time, because each start of Java takes time.
sub run_programs
{
	my (@commands) = @_;
	my @runs = map { { command => $_, out => '', err => '' } } @commands;
	$_->{harness} = IPC::Run::start($_->{command}, '<', \undef, '>', \$_->{out}, '2>', \$_->{err}, IPC::Run::timeout($deadline_seconds)) for @runs;
	my @failed = grep { !$_->{harness}->finish } @runs;
	croak map { "@{ $_->{command} } failed: $_->{err}$_->{out}" } @failed if @failed;
	return map { $_->{out} } @runs;
}

1;
