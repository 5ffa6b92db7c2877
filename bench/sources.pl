# Benchmark: measures sources with a mapping against heartbeat's own layout, many idle sources, and a source beside another
# source in trouble. Run this program through bench/sources, which builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use IO::Socket::INET;
use List::Util qw(sum0);
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Heartbeat::Bench;
use Heartbeat::Bench::Idle qw(measure_idle idle_line);
use Heartbeat::Bench::Process qw(cpu_seconds);
use Heartbeat::Bench::Report qw(figure print_line);

my %opt = (readings => 1_000_000, rounds => 5, sources => 200, idle => 60);
my @parts;
GetOptions(\%opt, (map { "$_=i" } keys %opt), 'part=s' => \@parts) && !@ARGV
  or die "usage: bench/sources [--readings N] [--rounds N] [--sources N] [--idle N] [--part mapping|trouble|idle]...\n";
my @order = qw(mapping trouble idle);
for my $part (@parts) { die "--part $part: it must be one of @order\n" unless grep { $_ eq $part } @order; }
@parts = @order unless @parts;
my ($customers, $partitions, $samples) = (1000, 3, 60);
my %goal = (flat => 0.85, samples => 1, idle_percent => 0.2, beside => 0.98);
$opt{readings} -= $opt{readings} % $samples;

# Autovacuum is off, because it would run transactions while the benchmark counts transactions. The source `default` has
# heartbeat's own layout.
my $bench = Heartbeat::Bench->new('sources', partitions => $partitions, settings => { autovacuum => 'off' });
my $own   = $bench->of_source('default', $bench->topic);
my $kafka = $bench->kafka;

# The generator gets the same seed and the same simulated start time for each layout, so all topics have the same readings.
my $start = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time - 7200));
my %simulation = (customers => $customers, 'start-time' => $start);

# In the layout `flat`, the names and the order of the fields differ from heartbeat's own layout, but the size of a message is
# similar. In the layout `samples`, each message has many readings.
my %layouts = (
	flat => {
		template => '{"key": "${customer_id}", "value": {"time": "${time:iso}", "user": "${customer_id}", "pulse": "${heart_rate}", "unit": "bpm"}}',
		mapping  => '{"customer_id": "/user", "heart_rate": "/pulse", "event_timestamp": "/time"}',
		readings => 1
	},
	samples => {
		template => qq({"key": "\${customer_id}", "value": {"user": "\${customer_id}", "samples": {"\$repeat": $samples,
			"\$each": {"at": "\${time:ms}", "bpm": "\${heart_rate}"}}}}),
		mapping =>
		  '{"each": "/samples", "customer_id": "/user", "heart_rate": "each/bpm", "event_timestamp": {"at": "each/at", "unit": "ms"}}',
		readings => $samples
	});

sub add_source
{
	my ($name, %arguments) = @_;
	my $rest = join '', map { ", $_ => '$arguments{$_}'" } grep { $_ ne 'topic' } sort keys %arguments;
	$bench->query("SELECT heartbeat_add_source('$name', '$arguments{topic}'$rest)");
	return;
}

sub drop_source { my ($name) = @_; $bench->query("SELECT heartbeat_drop_source('$name')"); return; }

my @missed;

sub check_goal
{
	my ($what, $is_met) = @_;
	print_line("$what: " . ($is_met ? 'met' : 'missed'));
	push @missed, $what unless $is_met;
	return;
}

my @columns = ([ 'readings/s', '%d' ], [ 'CPU s', '%.2f' ], [ 'main thread s', '%.2f' ], [ 'WAL B/row', '%.0f' ], [ 'memory MiB', '%.1f' ]);

sub values_of
{
	my ($drain) = @_;
	return ($opt{readings} / $drain->{seconds}, @{$drain}{qw(cpu main_cpu)}, $drain->{wal} / $opt{readings}, $drain->{memory});
}

# 1. A mapping against heartbeat's own layout
my %source = (own => $own);

sub add_layouts
{
	for my $name (sort keys %layouts)
	{
		my ($layout, $topic, $file) = ($layouts{$name}, "readings-$name", $bench->node->basedir . "/$name.json");
		append_to_file($file, $layout->{template});
		$kafka->create_topic($topic, $partitions);
		$bench->publish(%simulation, topic => $topic, template => $file, count => $opt{readings} / $layout->{readings});
		add_source($name, topic => $topic, mapping => $layout->{mapping});
		$source{$name} = $bench->of_source($name, $topic);
	}
	$bench->pause_only('default', keys %layouts);
	return;
}

sub measure_mappings
{
	add_layouts();
	print_line("own: heartbeat's own layout; flat: JSON of four fields under a mapping; samples: $samples readings in a message");

	my @cases = qw(own flat samples);
	my $table = Heartbeat::Bench::Report->new(@columns, [ 'against own', '%.2f' ]);
	for my $round (1 .. $opt{rounds})
	{
		push @cases, shift @cases;    # each round begins with another case
		my %drain = map { $_ => $source{$_}->drain_anew($opt{readings}) } @cases;
		$table->add($round, $_, values_of($drain{$_}), $drain{own}{seconds} / $drain{$_}{seconds}) for qw(own flat samples);
	}
	$table->print_medians;
	print_line('');
	my %ratio = map { $_ => ($table->medians($_))[-1] } keys %layouts;
	check_goal(sprintf('flat JSON under a mapping: %.2f of the own layout; the goal is %.2f', $ratio{flat}, $goal{flat}), $ratio{flat} >= $goal{flat});
	check_goal(sprintf('messages of %d readings: %.2f of the own layout; the goal is more than %d', $samples, $ratio{samples}, $goal{samples}),
		$ratio{samples} > $goal{samples});
	figure("sources, $_: readings/s divided by readings/s of the own layout", $ratio{$_}, '%.2f', 'higher') for sort keys %ratio;
	drop_source($_) for sort keys %layouts;
	return;
}

# 2. A source in trouble beside the source `default`. %troubles has the possible kinds of trouble. For each kind it has the
# expected state of the source `trouble`, and a function that adds this source.
sub unused_port
{
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "$@\n";
	return $socket->sockport;
}
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "$@\n";    # a cluster that never answers

sub add_recreated
{
	$kafka->create_topic('recreated', $partitions);
	$kafka->produce('recreated', { value => '{}' }, { value => '{}' });
	add_source('trouble', topic => 'recreated');
	$bench->await("sum(messages + dead_letters) = 2 FROM heartbeat_audit() WHERE source = 'trouble'", 'the topic was not read');
	$kafka->delete_topic('recreated');
	$kafka->create_topic('recreated', $partitions);
	return;
}
my %troubles = (
	'no topic'          => [ 'CONNECTING', sub { add_source('trouble', topic => 'missing') } ],
	'cluster refuses'   => [ 'CONNECTING', sub { add_source('trouble', topic => 'away', brokers => '127.0.0.1:' . unused_port()) } ],
	'cluster is silent' => [ 'CONNECTING', sub { add_source('trouble', topic => 'away', brokers => '127.0.0.1:' . $silent->sockport) } ],
	'topic recreated'   => [ 'FAILED',     \&add_recreated ]);

# After the creation or deletion of a topic, the broker has work to do for some seconds. This work would slow the measurement. So
# the function waits until the broker needs less than a third of a core.
sub await_quiet_broker
{
	for (1 .. 60)
	{
		my $before = cpu_seconds($kafka->pid);
		sleep(1);
		return if cpu_seconds($kafka->pid) - $before < 0.33;
	}
	die "the broker does not become quiet\n";
}

sub measure_beside
{
	my ($case) = @_;
	my ($state, $add) = @{ $troubles{$case} // [] };
	if ($add)
	{
		$add->();
		$bench->await("state = '$state' FROM heartbeat_source_status WHERE source = 'trouble'", "$case: the state is not $state");
	}
	await_quiet_broker();
	my $drain = $own->drain_anew($opt{readings});
	if ($add)
	{
		drop_source('trouble');
		$bench->query('DELETE FROM heartbeat_dead_letters');
		$kafka->delete_topic('recreated') if $case eq 'topic recreated';
	}
	return $drain;
}

sub measure_troubles
{
	print_line("\nthe own layout beside a source in trouble");
	my @beside = ('alone', sort keys %troubles);
	my @turns  = @beside;
	my $table = Heartbeat::Bench::Report->new(@columns, [ 'against alone', '%.3f' ], [ 'CPU against alone', '%.3f' ]);
	for my $round (1 .. $opt{rounds})
	{
		push @turns, shift @turns;
		my %drain = map { $_ => measure_beside($_) } @turns;
		$table->add($round, $_, values_of($drain{$_}), $drain{alone}{seconds} / $drain{$_}{seconds}, $drain{$_}{cpu} / $drain{alone}{cpu})
		  for @beside;
	}
	$table->print_medians;
	print_line('');
	for my $case (sort keys %troubles)
	{
		my $share = ($table->medians($case))[-2];
		figure("sources, beside a source in trouble ($case): readings/s divided by readings/s alone", $share, '%.3f', 'higher');
		check_goal(sprintf('beside a source in trouble (%s): %.3f of the rate alone; the goal is %.2f', $case, $share, $goal{beside}), $share >= $goal{beside});
	}
	return;
}

# 3. Many idle sources
sub measure_idle_sources
{
	$bench->empty_tables;
	$bench->query('SELECT heartbeat_resume()');
	print_line("\nidle");
	my $one = measure_idle($bench, $opt{idle});
	print_line(sprintf '%d source, %s; the worker holds %.1f MiB', 1, idle_line($one), $one->{memory});
	$kafka->create_topic("idle-$_", $partitions) for 1 .. $opt{sources};
	$bench->query("SELECT heartbeat_add_source('idle-' || i, 'idle-' || i, mapping => '$layouts{flat}{mapping}') FROM generate_series(1, $opt{sources}) i");
	$bench->await("count(*) = $opt{sources} + 1 FROM heartbeat_source_status WHERE state = 'RUNNING'", 'not all sources run');
	my $many = measure_idle($bench, $opt{idle});
	print_line(sprintf '%d sources of %d partitions more, %s; the worker holds %.1f MiB', $opt{sources}, $partitions, idle_line($many), $many->{memory});
	my $percent = sum0(values %{ $many->{cpu} });
	figure("sources: CPU time of $opt{sources} idle sources, % of a core", $percent, '%.3f', 'lower');
	print_line('');
	check_goal("transactions and bytes of WAL while idle: $many->{transactions} and $many->{wal}; the goal is 0", !$many->{transactions} && !$many->{wal});
	check_goal(sprintf('CPU time while idle: %.3f %% of a core; the goal is less than %.1f %%', $percent, $goal{idle_percent}), $percent < $goal{idle_percent});
	return;
}

my %measure = (mapping => \&measure_mappings, trouble => \&measure_troubles, idle => \&measure_idle_sources);
$bench->publish(%simulation, count => $opt{readings});
$bench->print_machine("$opt{readings} readings, $customers customers, 5 % anomalies, $partitions partitions, one worker");
$bench->pause_only('default');    # replaces the pause of all sources, because drain() ends only the pause of its own source
for my $part (@order) { $measure{$part}->() if grep { $_ eq $part } @parts; }
die "goals missed:\n", map { "  $_\n" } @missed if @missed;
