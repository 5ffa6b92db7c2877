# Test code: a real schema registry of a test, in one process with its data in memory. The base class starts, stops, kills and
# freezes the process.

package Heartbeat::Registry;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use HTTP::Tiny;
use JSON::PP ();

use PostgreSQL::Test::Cluster;
use parent 'Heartbeat::ServerProcess';

my $program = abs_path(dirname(__FILE__) . '/../../../..') . '/test/registry/registry';

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
	return $class->SUPER::new('registry', $name, port => PostgreSQL::Test::Cluster::get_free_port(), http => HTTP::Tiny->new(timeout => 20));
}

sub port { my ($self) = @_; return $self->{port}; }

sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}/apis/ccompat/v7"; }

sub command { my ($self) = @_; return ($program, 'serve', $self->{port}); }

sub answers { my ($self) = @_; return $self->{http}->get($self->url . '/subjects')->{success}; }

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

1;
