# Benchmark: measures the highest private memory of a worker in several cases. In each case the worker could need much memory: the
# backlog is large, the messages are large, or the worker waits for a locked table. Run this program through bench/memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(max);
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(figure print_line);
use Heartbeat::Reading;

my %opt = (readings => 1_000_000, large => 400, stall => 10, drains => 3);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV
  or die "usage: bench/memory [--readings N] [--large N] [--stall N] [--drains N]\n";
my $limit = 150;    # MiB
my ($small, $large, $large_bytes) = ('heartbeat-events', 'heartbeat-large', 1_000_000);

my $bench = Heartbeat::Bench->new('memory', topic => $small, broker => { 'message.max.bytes' => 2 * $large_bytes });
$bench->publish(count => $opt{readings}, customers => 1000);

# Publishes large messages. Each message is a reading with a long text in a JSON member that heartbeat ignores.
$bench->kafka->create_topic($large, 3, 'max.message.bytes=' . 2 * $large_bytes);
my $producer = $bench->kafka->producer($large);
my $padding  = 'x' x $large_bytes;
for my $message (reading_stream($opt{large}, 3))
{
	$message->{value} =~ s/}$/,"padding":"$padding"}/;
	$producer->send($message);
}
$producer->finish;
$bench->print_machine("$opt{readings} readings, and $opt{large} of $large_bytes bytes, $opt{drains} times; stalled for $opt{stall} seconds");

my $most = 0;

# Starts a new worker, which stores the messages of the topic several times. Prints the highest private memory of this worker.
# The worker stores the messages several times, because a process does not always free memory immediately: memory that stays
# allocated after the first time could add to the memory of the next time.
sub peak
{
	my ($case, $topic, $stalled) = @_;
	$bench->restart('heartbeat.topic' => $topic);
	my @peaks = map { drained_peak($topic, $stalled) } 1 .. $opt{drains};
	print_line(sprintf '%-40s %6.1f MiB (%s)', $case, max(@peaks), join ', ', map { sprintf '%.1f', $_ } @peaks);
	$most = max($most, @peaks);
	return;
}

sub drained_peak
{
	my ($topic, $stalled) = @_;
	$bench->empty_tables;
	my $lock = $stalled
	  ? $bench->background("BEGIN; LOCK TABLE heartbeat_records; SELECT pg_sleep($opt{stall}); COMMIT")
	  : undef;
	$bench->await("EXISTS (SELECT FROM pg_locks WHERE relation = 'heartbeat_records'::regclass AND mode = 'AccessExclusiveLock')",
		'the table was not locked') if $lock;
	my $drain = $bench->drain(rewind => 1);
	waitpid($lock, 0) if $lock;
	die "the worker was not stalled\n" if $lock && $drain->{seconds} < $opt{stall} - 5;
	$bench->check_audit($topic eq $small ? $opt{readings} : $opt{large});
	return $drain->{memory};
}

peak('backlog of small messages',            $small);
peak('backlog of large messages',            $large);
peak('small messages, the database stalled', $small, 1);
peak('large messages, the database stalled', $large, 1);
figure('memory: largest private memory of a worker, MiB', $most, '%.1f', 'lower');
die sprintf "%.1f MiB are more than %d\n", $most, $limit if $most > $limit;
