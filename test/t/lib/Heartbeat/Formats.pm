# Test code: a Kafka, a server, a schema registry and a publisher for tests of the binary formats, and the queries that these
# tests share.

package Heartbeat::Formats;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();

use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Publisher;
use Heartbeat::Registry;

our @EXPORT_OK = qw(avro add_source counted formats_begin source_is stored);

=pod

    my ($kafka, $registry, $node, $publisher) = formats_begin('name', { settings => {...} }, [ 'topic', 2 ], ...);

=cut

# Starts Kafka, the server and the registry at the same time, and creates the topics. Each topic has one Kafka partition, or the
# given number of Kafka partitions. Drops the source `default`, so that the tests see only their own sources. The hash $options
# has options of Heartbeat::Cluster->create.
sub formats_begin
{
	my ($name, $options, @topics) = @_;
	my $registry = Heartbeat::Registry->new($name);
	$registry->start(no_wait => 1);
	my $kafka = Heartbeat::Kafka->new($name);
	$kafka->start(no_wait => 1);
	my $node = Heartbeat::Cluster->create($name, kafka => $kafka, %$options);
	$kafka->wait_until_ready;
	$kafka->create_topic(ref $_ ? @$_ : ($_, 1)) for @topics;
	$node->query("SELECT heartbeat_drop_source('default')");
	$registry->wait_until_ready;
	return ($kafka, $registry, $node, Heartbeat::Publisher->new($kafka, $registry->url));
}

# Adds a source. The hash %arguments has the arguments of heartbeat_add_source() except the name. The mapping can be a text or a
# hash.
sub add_source
{
	my ($node, $name, %arguments) = @_;
	$arguments{mapping} = JSON::PP->new->canonical->encode($arguments{mapping}) if ref $arguments{mapping};
	my $list = join ', ', map { "$_ => " . _literal($arguments{$_}) } sort keys %arguments;
	return $node->query("SELECT heartbeat_add_source(" . _literal($name) . ", $list)");
}

sub _literal { my ($text) = @_; return q(') . ($text =~ s/'/''/gr) . q('); }

# Returns an Avro schema of a record. Each field is a name and a type. A type is a text or a structure. For a field with a
# default, the type is a hash with the keys "type" and "default".
sub avro
{
	my ($name, @fields) = @_;
	my @list;
	while (my ($field, $type) = splice @fields, 0, 2)
	{
		my %rest = ref $type eq 'HASH' && exists $type->{default} ? %$type : (type => $type);
		push @list, { name => $field, %rest };
	}
	return JSON::PP->new->canonical->encode({ type => 'record', name => $name, fields => \@list });
}

# Returns a query for the number of readings that a source has stored.
sub counted { my ($source) = @_; return "SELECT coalesce(sum(records + anomalies), 0) FROM heartbeat_offsets WHERE source = '$source'"; }

sub source_is { my ($source) = @_; return "SELECT state, reason FROM heartbeat_source_status WHERE source = '$source'"; }

# Returns the readings of all customers whose id begins with $prefix. Each line is one reading: "customer device rate time".
sub stored
{
	my ($node, $prefix) = @_;
	return $node->query(qq{SELECT concat_ws(' ', customer_id, device_id, heart_rate, to_char(event_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'))
		FROM (SELECT customer_id, device_id, heart_rate, event_timestamp FROM heartbeat_records UNION ALL
		      SELECT customer_id, device_id, heart_rate, event_timestamp FROM heartbeat_anomalies) r
		WHERE starts_with(customer_id, '$prefix') ORDER BY customer_id COLLATE "C", device_id, event_timestamp, heart_rate});
}

1;
