# In the middle of a stream, producers change to newer schemas, and back to older schemas. If the schema of a message lacks a
# mapped field, the message becomes a dead letter MISSING_FIELD. If no registry has a schema with the id of a message, the
# message becomes a dead letter UNKNOWN_SCHEMA. After the mapping is corrected and the schema is added, a retry stores both
# kinds of messages. A replay reads the messages of all versions of the schema.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Formats qw(add_source avro counted formats_begin source_is stored);

my ($kafka, $registry, $node, $publisher) = formats_begin('evolution', {}, [ 'avro', 2 ], 'proto', 'unknown', 'by-hand');
my $time = 1_795_444_742;
my @mapping = (mapping => { customer_id => '/person/id', heart_rate => '/bpm', event_timestamp => { at => '/at', unit => 's' }, device_id => { at => '/device', default => 'none' } });
sub shown { my ($seconds) = @_; return strftime('%Y-%m-%dT%H:%M:%S.000000', gmtime $seconds); }
sub letters { my ($source) = @_; return "SELECT count(*), min(error_code), max(error_code), min(error_text) FROM heartbeat_dead_letters WHERE source = '$source' AND resolved_at IS NULL"; }

# Avro: fields are added, removed, moved or made nullable. Some fields get another type, and some records get another name.
my $person = sub { my ($name) = @_; return { type => 'record', name => $name, fields => [ { name => 'id', type => 'string' } ] }; };
my @versions = (
	[ person => $person->('Person'), bpm => 'int', at => 'int' ],
	[ person => $person->('Person'), bpm => 'int', note => { type => [ 'null', 'string' ], default => undef }, at => 'int', device => { type => 'string', default => '' } ],
	[ at => 'long', person => [ 'null', $person->('Human') ], bpm => [ 'null', 'double' ] ],
	[ device => [ 'string', 'null' ], skipped => { type => 'array', items => { type => 'map', values => 'bytes' } }, at => 'double', bpm => 'float', person => $person->('Person') ]);
my @record = ('Person', 'Person', 'Human', 'Person');
sub value
{
	my ($version, $i) = @_;
	my %value = (person => { id => sprintf 'avro-%03d', $i }, bpm => 60 + $i % 40, at => $time + $i, note => 'note', device => "d$version",
		skipped => [ { x => { '$bytes' => 'AAAA' } } ]);
	$value{person} = { '$union' => [ 'Human', $value{person} ] } if $version == 2;
	my %has = @{ $versions[$version] };
	delete $value{$_} for grep { !exists $has{$_} } keys %value;
	return \%value;
}
$registry->{http}->put($registry->url . '/config/avro-value', { headers => { 'Content-Type' => 'application/json' }, content => '{"compatibility":"NONE"}' });
add_source($node, 'avro', topic => 'avro', format => 'avro', schema_registry => $registry->url, @mapping);
my @expected;
for my $i (0 .. 199)
{
	my $version = $i < 40 ? 0 : $i < 80 ? 1 : $i < 120 ? $i % 2 : $i < 160 ? $i % 4 : 3 - int($i / 10) % 4;    # newer versions, then older versions
	push @{ $expected[ $i / 20 ]{$version} }, { partition => $i % 2, value => value($version, $i) };
}
for my $part (@expected) { $publisher->publish('avro', { format => 'avro', schema => avro('Beat', @{ $versions[$_] }) }, undef, @{ $part->{$_} }) for sort keys %$part; }
$node->wait_for_query(counted('avro'), 200, 'the readings of four versions of an Avro schema are stored');
my %rows = map { split / /, $_, 2 } split /\n/, stored($node, 'avro-');
my @wrong = grep {
	my $i       = $_;
	my $version = $i < 40 ? 0 : $i < 80 ? 1 : $i < 120 ? $i % 2 : $i < 160 ? $i % 4 : 3 - int($i / 10) % 4;
	$rows{ sprintf 'avro-%03d', $i } ne sprintf '%s %d %s', $version % 2 ? "d$version" : 'none', 60 + $i % 40, shown($time + $i)
} 0 .. 199;
is("@wrong", '', 'each reading is equal to the published reading, also where a version lacks the device');
is($node->query('SELECT count(*) FROM heartbeat_schemas'), 4, 'the table has the four versions');

# Protobuf: a field becomes wider, a field is added, a field is reserved, and an old producer continues.
my @protos = map { { format => 'protobuf', message => 'Beat', schema => "syntax = \"proto3\"; message Person { string id = 1; } message Beat { $_ }" } }
  ('Person person = 1; int32 bpm = 2; int32 at = 3;', 'Person person = 1; int64 bpm = 2; uint64 at = 3; string device = 4; repeated double samples = 5;', 'reserved 5; Person person = 1; int64 bpm = 2; uint64 at = 3; optional string device = 4; map<string, Person> others = 6;');
add_source($node, 'proto', topic => 'proto', format => 'protobuf', schema_registry => $registry->url, mapping => { %{ $mapping[1] }, device_id => '/device' });
$registry->{http}->put($registry->url . '/config/proto-value', { headers => { 'Content-Type' => 'application/json' }, content => '{"compatibility":"NONE"}' });
for my $version (0, 1, 2, 0, 1)
{
	$publisher->publish('proto', $protos[$version], undef, map { { value => { person => { id => sprintf 'proto-%d-%02d', $version, $_ }, bpm => 70 + $_, at => $time + $_, $version ? (device => 'd') : (), $version == 1 ? (samples => [ 1, 2 ]) : () } } } 1 .. 10);
}
$node->wait_for_query(q(SELECT records, duplicates, dead_letters FROM heartbeat_offsets WHERE source = 'proto'), '30|20|0', 'the readings of three versions of a Protobuf schema are stored');
is(stored($node, 'proto-'), join("\n", map { my $version = $_; map { sprintf 'proto-%d-%02d %s %d %s', $version, $_, $version ? 'd' : '', 70 + $_, shown($time + $_) } 1 .. 10 } 0 .. 2),
	'each reading of Protobuf is equal to the published reading');

# A version of the schema renames the field of the heart rate. The messages of this version are dead letters until the mapping
# names the new field.
my $renamed = { format => 'avro', schema => avro('Beat', person => $person->('Person'), pulse => 'int', at => 'int') };
$publisher->publish('avro', $renamed, undef, map { { value => { person => { id => "renamed-$_" }, pulse => 60 + $_, at => $time } } } 1 .. 10);
$publisher->publish('avro', { format => 'avro', schema => avro('Beat', @{ $versions[0] }) }, undef, { value => { person => { id => 'later' }, bpm => 60, at => $time } });
$node->wait_for_query(letters('avro'), qr/^10\|MISSING_FIELD\|MISSING_FIELD\|.*bpm/, 'messages whose schema lacks a mapped field are dead letters that name the field');
$node->wait_for_query(counted('avro'), 201, 'the messages after them are stored');
$node->wait_for_query(source_is('avro'), qr/^RUNNING\|/, 'the source is RUNNING');
$node->query(q{SELECT heartbeat_alter_source('avro', mapping => '{"customer_id": "/person/id", "heart_rate": "/pulse", "event_timestamp": {"at": "/at", "unit": "s"}}')});
like($node->query(q{SELECT * FROM heartbeat_retry_dead_letters('MISSING_FIELD')}), qr/^10\|/, 'a retry under the corrected mapping stores the messages');
is(stored($node, 'renamed-') =~ tr/\n//, 9, 'their readings are stored');

# The topic has messages with one unknown schema id, and then messages with another unknown schema id. A person adds the schema
# of the first id by hand. The schema of the second id is registered later.
add_source($node, 'unknown', topic => 'unknown', format => 'avro', schema_registry => $registry->url, @mapping);
my $known = avro('Unknown', person => $person->('Person'), bpm => 'int', at => 'int');
sub unknowns { my ($prefix, $id, $schema, $n) = @_; return ({ format => 'avro', schema => $schema, bare => \1, id => $id }, undef, map { { value => { person => { id => "$prefix-$_" }, bpm => 80 + $_, at => $time } } } 1 .. $n); }
$publisher->publish('unknown', unknowns('byhand', 4711, $known, 5));
$node->wait_for_query(letters('unknown'), qr/^5\|UNKNOWN_SCHEMA\|UNKNOWN_SCHEMA\|.*the schema registry has no schema 4711/, 'messages with an unknown id are dead letters');
my $next = $registry->register('probe', 'AVRO', avro('Probe', x => 'int')) + 1;
$publisher->publish('unknown', unknowns('registered', $next, $known, 5));
$node->wait_for_query(letters('unknown'), qr/^10\|UNKNOWN_SCHEMA\|/, 'messages with another unknown id are dead letters too');
$node->wait_for_query(source_is('unknown'), qr/^RUNNING\|/, 'the source is RUNNING');
like($node->query(q{SELECT * FROM heartbeat_retry_dead_letters('UNKNOWN_SCHEMA')}), qr/^0\|10\|/, 'a retry without the schemas stores nothing');
$node->query("SELECT heartbeat_add_schema(4711, \$\$$known\$\$, schema_registry => '@{[ $registry->url ]}')");
like($node->query(q{SELECT * FROM heartbeat_retry_dead_letters('UNKNOWN_SCHEMA')}), qr/^5\|5\|/, 'a retry stores the messages whose schema was added by hand');
is($registry->register('unknown-value', 'AVRO', $known), $next, 'the registry gives the expected id');
like($node->query(q{SELECT * FROM heartbeat_retry_dead_letters('UNKNOWN_SCHEMA')}), qr/^5\|0\|/, 'a retry stores the messages whose schema was registered later');
is(stored($node, 'byhand-') =~ tr/\n// + stored($node, 'registered-') =~ tr/\n//, 8, 'their readings are stored');
# When a registry has no schema with an id, the worker remembers this answer for some seconds. In this time, messages with this
# id become dead letters, even if a person has registered the schema meanwhile.
$publisher->publish('unknown', unknowns("second-$_", $_, $known, 5)) for 4711, $next;
$node->wait_for_query(q(SELECT next_offset FROM heartbeat_offsets WHERE source = 'unknown'), 20, 'the worker reads later messages with these ids');
$node->query(q{SELECT * FROM heartbeat_retry_dead_letters('UNKNOWN_SCHEMA')});
$node->wait_for_query(counted('unknown'), 20, 'all messages with these ids are stored');

# The topic has messages of old versions with the field `bpm`, and of a new version with the field `pulse`. One source reads the
# old messages, and another source reads the new messages. The mapping of each source has the condition that the other field is
# null. This is also true for a message whose schema lacks the other field.
my %version = (old => [ '/bpm', '/pulse' ], new => [ '/pulse', '/bpm' ]);
for my $name (sort keys %version)
{
	my ($field, $other) = @{ $version{$name} };
	add_source($node, $name, topic => 'avro', format => 'avro', schema_registry => $registry->url,
		mapping => { customer_id => '/person/id', heart_rate => $field, event_timestamp => { at => '/at', unit => 's' }, when => { $other => undef },
			$name eq 'old' ? (device_id => { at => '/device', default => 'none' }) : () });
	$node->wait_for_query("SELECT sum(messages), sum(ignored), sum(dead_letters) FROM heartbeat_offsets WHERE source = '$name'", $name eq 'old' ? '201|10|0' : '10|201|0', "the source for the $name version ignores the messages of the other version");
}

# Without a registry, schemas come only from heartbeat_add_schema(). If heartbeat_schemas has no schema with an id, a worker
# waits some seconds before it looks for this id again.
add_source($node, 'by-hand', topic => 'by-hand', format => 'avro', @mapping);
$publisher->publish('by-hand', unknowns('hand', 12, $known, 3));
$node->wait_for_query(letters('by-hand'), qr/^3\|UNKNOWN_SCHEMA\|.*heartbeat_schemas has no schema 12.*heartbeat_add_schema/, 'without a registry the dead letter names the function that adds a schema');
$node->query("SELECT heartbeat_add_schema(12, \$\$$known\$\$)");
like($node->query(q{SELECT * FROM heartbeat_retry_dead_letters('UNKNOWN_SCHEMA', source => 'by-hand')}), qr/^3\|0\|/, 'a retry stores them');
is(stored($node, 'hand-') =~ tr/\n//, 2, 'their readings are stored');

# A replay reads the messages of all versions of the schema. The schemas of the registry were deleted from heartbeat_schemas, so
# the session of the replay asks the registry.
$node->query(q{SELECT heartbeat_alter_source('avro', mapping => '{"customer_id": "/person/id", "heart_rate": "/bpm", "event_timestamp": {"at": "/at", "unit": "s"}, "device_id": {"at": "/device", "default": "none"}}')});
$node->query(q{DELETE FROM heartbeat_records WHERE customer_id LIKE 'avro-%' AND heart_rate < 80; DELETE FROM heartbeat_schemas WHERE schema_registry <> ''});
my $replayed = $node->query(q{SELECT sum(messages), sum(records), sum(duplicates), sum(dead_letters) FROM heartbeat_replay('1970-01-01', now(), source => 'avro')});
is($replayed, '211|100|101|0', 'a replay reads all versions of the schema, and meets the resolved dead letters again');
is(scalar(split /\n/, stored($node, 'avro-')), 200, 'all readings are there again');
is($node->query(q{SELECT count(*) FROM heartbeat_schemas WHERE schema_registry <> ''}), 0, 'a session stores no schema, so no worker waits for its transaction');
is($node->query(q{SELECT count(*) FROM heartbeat_dead_letters WHERE source = 'avro' AND resolved_at IS NULL}), $node->query(q{SELECT sum(dead_letters - dead_letters_deleted) FROM heartbeat_offsets WHERE source = 'avro'}), 'the counters equal the dead letters');

$node->assert_audit;
$node->assert_no_crash;
$node->stop;
done_testing();
