# Benchmark: compares one worker with two consumers in Python. They run one after the other. Each of them reads the same topic from
# its beginning into empty tables. Run this program through bench/peers/run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../test/t/lib";
use Getopt::Long;
use IPC::Open2;
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(cpu_seconds);
use Heartbeat::Bench::Report qw(figure);

my %opt = (readings => 1_000_000, 'by-row' => 20_000, rounds => 3);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV
  or die "usage: bench/peers/run [--readings N] [--by-row N] [--rounds N]\n";
my ($customers, $partitions) = (1000, 3);

my $bench = Heartbeat::Bench->new('peers', partitions => $partitions);
$bench->publish(count => $opt{readings}, customers => $customers);

# The consumers in Python use the same tables and keys as the worker. The worker runs first, so the table partitions already exist
# when the consumers start.
my %messages = (by_row => $opt{'by-row'}, batches => $opt{readings});

# Returns how many rows per second the consumer stored. Also returns the CPU seconds of the consumer, and of its session in the
# server, for a million rows.
sub run_peer
{
	my ($peer) = @_;
	my $messages = $messages{$peer};
	my $pid = open2(my $out, my $in, 'python3', "$FindBin::RealBin/$peer.py", $bench->kafka->brokers, $bench->topic,
		$messages, $bench->node->connstr('heartbeat'));
	my (undef, $backend) = split ' ', answer($out, 'ready', $peer);
	my ($client, $server) = (cpu_seconds($pid), cpu_seconds($backend));
	print $in "go\n";
	$in->flush;
	my (undef, $rows, $seconds) = split ' ', answer($out, 'done', $peer);
	$client = cpu_seconds($pid) - $client;
	$server = cpu_seconds($backend) - $server;
	close $in;
	waitpid($pid, 0);
	my $stored = $bench->query('SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)');
	die "$peer: $stored rows, $rows of $messages messages\n" if $stored != $messages || $rows != $messages;
	return ($rows / $seconds, map { $_ * 1e6 / $rows } $client, $server);
}

sub answer
{
	my ($out, $word, $peer) = @_;
	my $line = <$out> // '';
	die "$peer ended with: $line\n" unless $line =~ /^$word /;
	return $line;
}

sub run_heartbeat
{
	my $drain = $bench->drain(rewind => 1);
	$bench->check_audit($opt{readings});
	return ($opt{readings} / $drain->{seconds}, 0, $drain->{cpu} * 1e6 / $opt{readings});
}

$bench->print_machine("$opt{readings} readings ($opt{'by-row'} by row), $customers customers, $partitions partitions, one worker; "
	  . 'CPU seconds are those of a million rows');
my $table = Heartbeat::Bench::Report->new([ 'rows/s', '%d' ], [ 'client CPU s', '%.2f' ], [ 'server CPU s', '%.2f' ],
	[ 'sum', '%.2f' ], [ 'heartbeat is', '%.1f' ]);
for my $round (1 .. $opt{rounds})
{
	my $own;
	for my $case (qw(heartbeat batches by_row))
	{
		$bench->empty_tables;
		my ($rate, $client, $server) = $case eq 'heartbeat' ? run_heartbeat() : run_peer($case);
		$own //= $rate;
		$table->add($round, $case, $rate, $client, $server, $client + $server, $own / $rate);
	}
}
$table->print_medians;
figure("peers: rows/s divided by rows/s of $_.py", ($table->medians($_))[-1], '%.1f', 'higher') for qw(batches by_row);
