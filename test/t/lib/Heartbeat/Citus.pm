# Test code: creates a Citus cluster. The coordinator has heartbeat, and the nodes do not have heartbeat.

package Heartbeat::Citus;

use strict;
use warnings;

use Carp;
use Exporter 'import';
use Test::More;

use Heartbeat::Cluster;

our @EXPORT = qw(citus_create citus_create_server citus_create_node citus_join citus_distribute);

# The servers connect over loopback. After a crash, heartbeat's workers must end prepared transactions without the help of
# Citus. So citus.recover_2pc_interval is longer than a test: the recovery of Citus does not start during the test.
my %settings = (
	'listen_addresses'          => '127.0.0.1',
	'max_prepared_transactions' => 100,
	'max_connections'           => 150,
	'citus.node_conninfo'       => 'sslmode=disable',
	'citus.recover_2pc_interval' => '1h',
	'citus.enable_statistics_collection' => 'off');

=pod

    my ($coordinator, @nodes) = citus_create('name', nodes => 2, kafka => $kafka, settings => {...});

Creates a cluster. Only the coordinator has heartbeat. The options are the options of Heartbeat::Cluster->create, and
apply to the coordinator. The tables are not distributed yet.

=cut

sub citus_create
{
	my ($name, %opt) = @_;
	my $count       = delete $opt{nodes};
	my @nodes       = map { citus_create_node("${name}_node$_") } 1 .. $count;
	my $coordinator = Heartbeat::Cluster->create($name, %opt,
		settings => { 'shared_preload_libraries' => 'citus,heartbeat', %settings, %{ $opt{settings} // {} } });
	$coordinator->query('CREATE EXTENSION citus');
	$coordinator->query("SELECT citus_set_coordinator_host('127.0.0.1', " . $coordinator->port . ')');
	citus_join($coordinator, @nodes);
	return ($coordinator, @nodes);
}

# Creates a server that preloads only Citus's library. The options are those of Heartbeat::Cluster->create.
sub citus_create_server
{
	my ($name, %opt) = @_;
	return Heartbeat::Cluster->create($name, extension => 0, %opt,
		settings => { 'shared_preload_libraries' => 'citus', %settings, %{ $opt{settings} // {} } });
}

# Creates a server with Citus's library and the extension citus. This server can become a node.
sub citus_create_node
{
	my $node = citus_create_server(@_);
	$node->query('CREATE EXTENSION citus');
	return $node;
}

sub citus_join
{
	my ($coordinator, @nodes) = @_;
	$coordinator->query("SELECT citus_add_node('127.0.0.1', " . $_->port . ')') for @nodes;
	return;
}

sub citus_distribute
{
	my ($coordinator, $shards) = @_;
	$coordinator->query('SELECT heartbeat_distribute(' . ($shards // '') . ')');
	return;
}

1;
