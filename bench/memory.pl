# Benchmark: the peak of the worker's own memory in each case that could make it grow. Run it through bench/memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(max min);
use Time::HiRes qw(time);
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(private_memory);
use Heartbeat::Bench::Report qw(print_line);
use Heartbeat::Reading;

my %opt = (readings => 1_000_000, large => 400, stall => 15);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV
  or die "usage: bench/memory [--readings N] [--large N] [--stall N]\n";
my $limit = 150;    # MiB
my ($small, $large, $large_bytes) = ('heartbeat-events', 'heartbeat-large', 1_000_000);

my $bench = Heartbeat::Bench->new('memory', topic => $small, broker => { 'message.max.bytes' => 2 * $large_bytes });
$bench->publish(count => $opt{readings}, customers => 1000);

# Readings that are this long for a key that nobody asked for.
$bench->kafka->create_topic($large, 3, 'max.message.bytes=' . 2 * $large_bytes);
my $producer = $bench->kafka->producer($large);
my $padding  = 'x' x $large_bytes;
for my $message (reading_stream($opt{large}, 3))
{
	$message->{value} =~ s/}$/,"padding":"$padding"}/;
	$producer->send($message);
}
$producer->finish;
$bench->print_machine("$opt{readings} readings, and $opt{large} of $large_bytes bytes; stalled for $opt{stall} seconds");

my $most = 0;

# The peak from the start of a worker to the end of the topic.
sub peak
{
	my ($case, $topic, $stalled) = @_;
	my $messages = $topic eq $small ? $opt{readings} : $opt{large};
	$bench->empty_tables;
	$bench->restart('heartbeat.topic' => $topic);
	my $idle = max(map { private_memory($_) } $bench->node->worker_pids('heartbeat worker'));
	my $lock = $stalled
	  ? $bench->background("BEGIN; LOCK TABLE heartbeat_records; SELECT pg_sleep($opt{stall}); COMMIT")
	  : undef;
	$bench->await("EXISTS (SELECT FROM pg_locks WHERE relation = 'heartbeat_records'::regclass AND mode = 'AccessExclusiveLock')",
		'the table was not locked') if $lock;
	my $drain = $bench->drain(rewind => 1);
	waitpid($lock, 0) if $lock;
	die "the worker was not stalled\n" if $lock && $drain->{seconds} < $opt{stall} - 5;
	$bench->check_audit($messages);
	print_line(sprintf '%-40s %6.1f MiB (%.1f before)', $case, $drain->{memory}, $idle);
	$most = max($most, $drain->{memory});
	return;
}

peak('backlog of small messages',              $small);
peak('backlog of large messages',              $large);
peak('small messages, the database stalled', $small, 1);
peak('large messages, the database stalled', $large, 1);
die sprintf "%.1f MiB are more than %d\n", $most, $limit if $most > $limit;
