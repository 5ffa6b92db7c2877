# Benchmark: compares one server with a Citus coordinator and two nodes. Run this program through bench/scale-out, which
# builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(server_cpu_seconds);
use Heartbeat::Bench::Report qw(figure);
use Heartbeat::Citus;

my ($readings, $rounds, $shards, $customers) = (500_000, 1, '4,8,32', 1000);
GetOptions('readings=i' => \$readings, 'rounds=i' => \$rounds, 'shards=s' => \$shards) && !@ARGV
  or die "usage: bench/scale-out [--readings N] [--rounds N] [--shards N,N,...]\n";

my %cluster = (
	'shared_preload_libraries'  => 'citus,heartbeat',
	'listen_addresses'          => '127.0.0.1',
	'max_prepared_transactions' => 200,
	'max_connections'           => 200,
	'citus.node_conninfo'       => 'sslmode=disable');
my $bench = Heartbeat::Bench->new('scale_out', partitions => 3, settings => \%cluster);
my $node  = $bench->node;
$bench->publish(count => $readings, customers => $customers);
$bench->print_machine("$readings readings, $customers customers, 5 % anomalies, 3 partitions; one worker");

my @nodes = map { citus_create_node("node_$_", settings => { shared_buffers => '512MB', max_wal_size => '8GB', fsync => 'on' }) } 1, 2;
$bench->query('CREATE EXTENSION citus');
$bench->query("SELECT citus_set_coordinator_host('127.0.0.1', " . $node->port . ')');
citus_join($node, @nodes);

sub postmaster { my ($server) = @_; return (split /\n/, PostgreSQL::Test::Utils::slurp_file($server->data_dir . '/postmaster.pid'))[0]; }
sub wal { my ($server) = @_; return $server->query("SELECT pg_current_wal_insert_lsn() - '0/0'"); }

sub drain
{
	my ($case) = @_;
	$bench->restart('citus.max_cached_conns_per_worker' => $case->{sessions} // 16);
	$bench->pause;
	citus_distribute($node, $case->{shards}) if $case->{shards};
	$bench->empty_tables;
	my %before = map { $_->port => [ server_cpu_seconds(postmaster($_)), wal($_) ] } $node, @nodes;
	my $drain  = $bench->drain(rewind => 1);
	my %after  = map { $_->port => [ server_cpu_seconds(postmaster($_)), wal($_) ] } $node, @nodes;
	$bench->check_audit($readings);
	$bench->query('SELECT heartbeat_undistribute()') if $case->{shards};
	my @used = map { my $port = $_->port; [ map { $after{$port}[$_] - $before{$port}[$_] } 0, 1 ] } $node, @nodes;
	my $million = $readings / 1e6;
	return ($readings / $drain->{seconds}, $drain->{cpu} / $million, $used[0][0] / $million, ($used[1][0] + $used[2][0]) / $million,
		$used[0][1] / $readings, ($used[1][1] + $used[2][1]) / $readings);
}

my @shards = split /,/, $shards;
my @cases  = ({ name => 'one server' }, map { { name => "$_ shards", shards => $_ } } @shards);
push @cases, { name => "$shards[0] shards, 1 session a node", shards => $shards[0], sessions => 1 };
my $table = Heartbeat::Bench::Report->new([ 'rows/s', '%d' ], [ 'worker CPU s/M', '%.2f' ], [ 'coordinator CPU s/M', '%.2f' ],
	[ 'nodes CPU s/M', '%.2f' ], [ 'coordinator WAL B/row', '%.0f' ], [ 'nodes WAL B/row', '%.0f' ]);
for my $round (1 .. $rounds)
{
	$table->add($round, $_->{name}, drain($_)) for @cases;
}
$table->print_medians;
figure("scale-out, $_->{name}: CPU seconds of the coordinator per million readings", ($table->medians($_->{name}))[2], '%.2f', 'lower') for @cases;
