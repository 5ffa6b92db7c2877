# Tests readings in Avro, in Protobuf, and in JSON with the frame of JSON Schema. The serializers of confluent-kafka publish
# the readings, and a registry has the schemas. Each stored reading equals the published reading. The schemas use nested
# records, unions, arrays, maps, enums, logical types, imports and references. A source that has its own schema reads messages
# without a frame.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Formats qw(add_source avro counted formats_begin source_is stored);

my ($kafka, $registry, $node, $publisher) = formats_begin('formats', {}, 'avro', 'map', 'referring', 'protobuf', 'typed', 'json', 'bare-avro', 'bare-protobuf', 'text-key', 'scalars');
my $url  = $registry->url;
my $time = 1_795_444_742;    # 2026-11-23 14:39:02 UTC

sub shown { my ($seconds, $fraction) = @_; return strftime('%Y-%m-%dT%H:%M:%S', gmtime $seconds) . sprintf '.%06d', $fraction // 0; }

# Passes when a source has stored exactly these readings.
sub reads
{
	my ($source, $prefix, $what, @lines) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_query(counted($source), scalar @lines, "$what: all readings are stored");
	my %stored = map { $_ => 1 } split /\n/, stored($node, $prefix);
	my @missing = grep { !delete $stored{$_} } @lines;
	return is(join("\n", @missing, map { "+ $_" } sort keys %stored), '', "$what: each reading is equal to the published reading");
}

# Avro: the key and the value each have a schema. The value has records, unions, an array, an enum, a fixed type and logical
# types.
my $key = { format => 'avro', schema => avro('ObservationKey', projectId => ['null', 'string'], userId => 'string', sourceId => 'string') };
my $beats = { type => 'array', items => { type => 'record', name => 'Beat', fields => [
	{ name => 'noise', type => [ 'null', 'bytes' ] },
	{ name => 'kind',  type => { type => 'enum', name => 'Kind', symbols => [ 'REST', 'RUN' ] } },
	{ name => 'bpm',   type => [ 'null', { type => 'bytes', logicalType => 'decimal', precision => 6, scale => 2 } ] },
	{ name => 'at',    type => { type => 'long', logicalType => 'timestamp-micros' } } ] } };
my $value = { format => 'avro', schema => avro('Report', mac => { type => 'fixed', name => 'Mac', size => 6 }, tags => { type => 'map', values => 'double' },
	body => [ 'null', { type => 'record', name => 'Body', fields => [ { name => 'beats', type => $beats } ] }, 'string' ]) };
add_source($node, 'avro', topic => 'avro', format => 'avro', schema_registry => $url, mapping => { each => '/body/beats', customer_id => 'key/userId',
	device_id => 'key/sourceId', heart_rate => 'each/bpm', event_timestamp => 'each/at', when => { 'each/kind' => 'REST' } });
my (@messages, @expected);
for my $i (0 .. 199)
{
	my @elements = map { { noise => $_ ? { '$bytes' => encode_base64('noise', '') } : undef, kind => $i % 7 ? 'REST' : 'RUN',
			bpm => { '$decimal' => sprintf '%.2f', 41 + $i / 4 + $_ }, at => ($time + $i) * 1_000_000 + $_ } } 0 .. 2;
	push @messages, { key => { projectId => $i % 2 ? 'p' : undef, userId => "avro-$i", sourceId => "d-$i" },
		value => { mac => { '$bytes' => encode_base64('123456', '') }, tags => { x => 1.5 }, body => { '$union' => [ 'Body', { beats => \@elements } ] } } };
	push @expected, map { sprintf 'avro-%d d-%d %s %s', $i, $i, 41 + $i / 4 + $_, shown($time + $i, $_) } 0 .. 2 if $i % 7;
}
$publisher->publish('avro', $value, $key, @messages);
reads('avro', 'avro-', 'Avro with records, unions, arrays and decimals', @expected);
is($node->query("SELECT sum(ignored) FROM heartbeat_offsets WHERE source = 'avro'"), 29, 'messages for which the enum is not REST are ignored');

# Avro: a map with null values, an integer as the customer, and a local timestamp. A heart rate is a float.
my $maps = { format => 'avro', schema => avro('Maps', who => [ 'int', 'string' ], series => { type => 'map', values => [ 'null', { type => 'record', name => 'One', fields => [
	{ name => 'bpm', type => 'float' }, { name => 'local', type => { type => 'long', logicalType => 'local-timestamp-millis' } } ] } ] }) };
add_source($node, 'map', topic => 'map', format => 'avro', schema_registry => $url, mapping => { each => '/series', customer_id => '/who', device_id => 'name',
	heart_rate => 'each/bpm', event_timestamp => { at => 'each/local', zone => '+02:00' } });
(@messages, @expected) = ();
for my $i (100 .. 149)
{
	push @messages, { value => { who => 9000 + $i, series => { map { ("s$_" => { bpm => 60 + $_ / 2, local => ($time + $i) * 1000 + $_ }) } 1 .. 4 } } };
	push @expected, map { sprintf '%d s%d %s %s', 9000 + $i, $_, 60 + $_ / 2, shown($time + $i - 7200, $_ * 1000) } 1 .. 4;
}
$publisher->publish('map', $maps, undef, @messages);
reads('map', '9', 'Avro with a map, an integer as customer and a local time', @expected);

# Avro: a schema that refers to another schema, which refers to a third schema
$registry->register('place', 'AVRO', avro('test.Place', ward => 'string'));
$registry->register('person', 'AVRO', avro('test.Person', id => 'string', place => 'test.Place'), [ { name => 'test.Place', subject => 'place', version => 1 } ]);
my $referring = { format => 'avro', references => [ { name => 'test.Person', subject => 'person', version => 1 } ],
	schema => avro('test.Beat', person => 'test.Person', next => [ 'null', 'test.Beat' ], bpm => 'int', at => { type => 'long', logicalType => 'timestamp-millis' }) };
add_source($node, 'referring', topic => 'referring', format => 'avro', schema_registry => $url, mapping => { customer_id => '/person/id',
	device_id => '/person/place/ward', heart_rate => '/next/bpm', event_timestamp => '/at' });
sub person { my ($i) = @_; return { id => "referring-$i", place => { ward => 'W' } }; }
$publisher->publish('referring', $referring, undef, map { { value => { person => person($_), bpm => 1, at => ($time + $_) * 1000,
	next => { '$union' => [ 'test.Beat', { person => person("inner$_"), next => undef, bpm => 50 + $_, at => 0 } ] } } } } 1 .. 30);
reads('referring', 'referring-', 'Avro with references and a recursive type', map { sprintf 'referring-%d W %d %s', $_, 50 + $_, shown($time + $_) } 1 .. 30);
is($node->query("SELECT schema_type, cardinality(reference_names), reference_names[cardinality(reference_names)] FROM heartbeat_schemas WHERE schema LIKE '%test.Beat%'"),
	'AVRO|2|test.Person', 'the table has the schemas to which the schema refers, the last one after those that it needs');

# Avro: the value of a message is only a number, and the key is text
my $scalar = { format => 'avro', schema => '{"type":"double"}' };
add_source($node, 'scalars', topic => 'scalars', format => 'avro', schema_registry => $url, mapping => { customer_id => 'key', heart_rate => 'value', event_timestamp => 'kafka/timestamp' });
$publisher->publish('scalars', $scalar, undef, map { { key => "scalar-$_", value => 60.25 + $_ } } 1 .. 5);
$node->wait_for_query(counted('scalars'), 5, 'a value that is only a number is read');
is($node->query(q{SELECT string_agg(heart_rate::text, ' ' ORDER BY heart_rate) FROM heartbeat_records WHERE customer_id LIKE 'scalar-%' AND event_timestamp > now() - interval '1 hour'}),
	'61.25 62.25 63.25 64.25 65.25', 'the heart rate is the value, and the time is that of the message');

# Protobuf: imports, a nested type that is not the first type of the file, a map, a oneof, an enum and a Timestamp. The key is
# Protobuf too.
my %imports = ('common/person.proto' => 'syntax = "proto3"; package common; import "common/place.proto"; message Person { string id = 1; Place place = 2; }',
	'common/place.proto' => 'syntax = "proto3"; package common; message Place { string ward = 1; }');
my $report = { format => 'protobuf', message => 'ward.Outer.Report', imports => \%imports, schema => <<'PROTO' };
syntax = "proto3";
package ward;
import "common/person.proto";
import "google/protobuf/timestamp.proto";
message Other { int32 unused = 1; }
message Outer {
  message Inner { repeated sint64 numbers = 1; }
  message Report {
    map<string, double> weights = 1;
    repeated Beat beats = 2;
    oneof who { common.Person person = 3; string name = 4; }
    bytes raw = 15;
  }
  message Beat { optional double bpm = 1; google.protobuf.Timestamp at = 2; Kind kind = 3; Inner inner = 4; }
  enum Kind { REST = 0; RUN = 1; }
}
PROTO
my $watch = { format => 'protobuf', message => 'Watch', schema => 'syntax = "proto3"; message Unused {} message Watch { fixed32 number = 7; }' };
add_source($node, 'protobuf', topic => 'protobuf', format => 'protobuf', schema_registry => $url, mapping => { each => '/beats', customer_id => '/person/id',
	device_id => [ '/person/place/ward', 'key/number' ], heart_rate => 'each/bpm', event_timestamp => 'each/at', when => { 'each/kind' => 'REST', '/weights/b' => 2 } });
(@messages, @expected) = ();
for my $i (1 .. 101)
{
	push @messages, { key => { number => $i }, value => { weights => { a => 2, b => $i == 101 ? 1 : 2 }, person => { id => "protobuf-$i", place => { ward => 'W' } }, raw => 'AAAA',
			beats => [ (map { { bpm => 70 + $_ / 8, at => shown($time + $i, $_) . 'Z', inner => { numbers => [ -1, 1 ] } } } 0 .. 4), { bpm => 1, kind => 'RUN' } ] } };
	push @expected, map { sprintf 'protobuf-%d W/%d %s %s', $i, $i, 70 + $_ / 8, shown($time + $i, $_) } 0 .. 4 if $i <= 100;
}
$publisher->publish('protobuf', $report, $watch, @messages);
reads('protobuf', 'protobuf-', 'Protobuf with imports, nested types, maps, oneof and Timestamp', @expected);
is($node->query("SELECT sum(ignored) FROM heartbeat_offsets WHERE source = 'protobuf'"), 1, 'a message for which the value of the map is another is ignored');

# Protobuf: the test registers the schema as .proto text, which is the form that Confluent's registry uses. The message has a
# field of each number type
my %numbers = (d => 'double', f => 'float', i32 => 'int32', i64 => 'int64', u32 => 'uint32', u64 => 'uint64', s32 => 'sint32', s64 => 'sint64', x32 => 'fixed32', x64 => 'fixed64', y32 => 'sfixed32', y64 => 'sfixed64');
my @names   = sort keys %numbers;
my $proto   = "syntax = \"proto2\"; // text\nmessage Typed { required string id = 100; optional int64 at = 101; optional group Pair = 90 { optional string x = 1; }\n"
  . join('', map { "  optional $numbers{$names[$_]} $names[$_] = @{[ $_ + 1 ]};\n" } 0 .. $#names) . "}\n";
my $text_id = $registry->register('typed-value', 'PROTOBUF', $proto);
my $typed   = { format => 'protobuf', message => 'Typed', schema => $proto, bare => \1 };
for my $name (@names)
{
	$kafka->create_topic("typed-$name");
	add_source($node, "typed-$name", topic => "typed-$name", format => 'protobuf', schema => $proto, mapping => { customer_id => '/id', device_id => '/pair/x', heart_rate => "/$name", event_timestamp => { at => '/at', unit => 's' } });
	$publisher->publish("typed-$name", $typed, undef, { value => { id => "typed-$name", pair => { x => 'x' }, at => $time, $name => 75 } }, { value => { id => "typed-$name", pair => { x => 'y' }, at => $time, $name => 76 } });
}
$node->wait_for_query(q{SELECT sum(records) FROM heartbeat_offsets WHERE source LIKE 'typed-%'}, 2 * @names, 'each type of number of Protobuf is read, beside a group');
is(stored($node, 'typed-'), join("\n", map { ("typed-$_ x 75 " . shown($time), "typed-$_ y 76 " . shown($time)) } @names), 'Protobuf without a frame: each reading is equal to the published reading');
$kafka->create_topic('typed-text');
add_source($node, 'text', topic => 'typed-text', format => 'protobuf', schema_registry => $url, mapping => { customer_id => '/id', device_id => '/i32', heart_rate => '/d', event_timestamp => { at => '/at', unit => 's' } });
# $message has the bytes of the fields d, i32, id (field 100) and at (field 101). The test publishes $message with two different
# frames, because Confluent's frame has two encodings of the index 0 of the first message type.
sub varint { my ($n) = @_; my $out = ''; while ($n > 127) { $out .= chr($n & 127 | 128); $n >>= 7; } return $out . chr $n; }
my %number_of = map { $names[$_] => $_ + 1 } 0 .. $#names;
my $message = varint($number_of{d} << 3 | 1) . pack('d<', 61.5) . varint($number_of{i32} << 3) . varint(12) . varint(100 << 3 | 2) . "\x06text-1" . varint(101 << 3) . varint($time);
$kafka->produce('typed-text', map { { value => pack('CN', 0, $text_id) . $_ . $message } } "\0", "\x02\0");
$node->wait_for_query(q{SELECT records, duplicates, dead_letters FROM heartbeat_offsets WHERE source = 'text'}, '1|1|0', 'both forms of the index of the first message are read');
is(stored($node, 'text-'), 'text-1 12 61.5 ' . shown($time), 'a schema that is text in the registry: the reading is equal to the published reading');

# The frame names a message type by its index, which counts only the messages in the text of the schema. So Report has the index
# 1, although the compiler of Protobuf also makes a message for the map `limits`. Confluent's serializers and registry convert a
# descriptor to such a text, in which the map becomes a repeated field of a map entry.
my $entries_id = $registry->register('entries-value', 'PROTOBUF', <<'PROTO');
syntax = "proto3";
message Outer {
  map<string, double> limits = 1;
  message Inner { int64 at = 3; }
  message Report {
    repeated .Outer.Report.TagsEntry tags = 1;
    map<string, double> rates = 2;
    int64 at = 3;
    message TagsEntry { option map_entry = true; string key = 1; string value = 2; }
  }
}
PROTO
sub sized { my ($number, $bytes) = @_; return varint($number << 3 | 2) . varint(length $bytes) . $bytes; }
$kafka->create_topic('entries');
add_source($node, 'entries', topic => 'entries', format => 'protobuf', schema_registry => $url, mapping => { each => '/rates', customer_id => '/tags/user', device_id => '/tags/device', heart_rate => 'each', event_timestamp => { at => '/at', unit => 's' } });
$kafka->produce('entries', { value => pack('CN', 0, $entries_id) . "\x04\0\x02" . join('', map { sized(1, sized(1, $_->[0]) . sized(2, $_->[1])) } ([ user => 'entries-1' ], [ device => 'd' ]))
	  . sized(2, sized(1, 'now') . varint(2 << 3 | 1) . pack('d<', 61.5)) . varint(3 << 3) . varint($time) });
$node->wait_for_query(counted('entries'), 1, 'a message with both forms of a map is read');
is(stored($node, 'entries-'), 'entries-1 d 61.5 ' . shown($time), 'the maps in both forms are objects, and the indexes of the frame count the messages of the text');

# The worker removes the frame of JSON Schema. No schema is needed.
add_source($node, 'json', topic => 'json', format => 'json-schema', schema_registry => $url, mapping => { customer_id => 'key/id', heart_rate => '/bpm', event_timestamp => { at => '/at', unit => 'ms' } });
$publisher->publish('json', { format => 'json', schema => '{"$schema":"http://json-schema.org/draft-07/schema#","title":"Beat","type":"object","properties":{"bpm":{"type":"number"},"at":{"type":"integer"}},"required":["bpm"]}' },
	{ format => 'json', schema => '{"$schema":"http://json-schema.org/draft-07/schema#","title":"Key","type":"object","properties":{"id":{"type":"string"}}}' }, map { { key => { id => "json-$_" }, value => { bpm => 60 + $_ / 10, at => ($time + $_) * 1000 } } } 1 .. 100);
reads('json', 'json-', "JSON Schema's frame", map { sprintf 'json-%d  %s %s', $_, 60 + $_ / 10, shown($time + $_) } 1 .. 100);

# Avro without a frame, with the schema of the source
my $bare = avro('Bare', id => 'string', bpm => 'double', at => { type => 'long', logicalType => 'timestamp-millis' });
add_source($node, 'bare-avro', topic => 'bare-avro', format => 'avro', schema => $bare, mapping => { customer_id => '/id', device_id => 'key', heart_rate => '/bpm', event_timestamp => '/at' });
$publisher->publish('bare-avro', { format => 'avro', schema => $bare, bare => \1 }, undef, map { { key => "k$_", value => { id => "bare-$_", bpm => 60 + $_ / 16, at => ($time + $_) * 1000 + 7 } } } 1 .. 100);
reads('bare-avro', 'bare-', 'Avro without a frame', map { sprintf 'bare-%d k%d %s %s', $_, $_, 60 + $_ / 16, shown($time + $_, 7000) } 1 .. 100);

# The test publishes messages that are not in the format of the source.
$kafka->produce('avro', { key => 'text', value => '{"no":"Avro"}' }, { key => "\0\0\0\0\1", value => undef }, { key => 'k', value => "\0\0\0" });
$kafka->produce('bare-avro', { value => 'x' });
$kafka->produce('typed-d', { value => "\xff\xff" });
$kafka->produce('json', { key => "\0\0\0\0\1{}", value => '{"bpm":70}' });
$node->wait_for_query(q{SELECT string_agg(source || ':' || error_code, ' ' ORDER BY source, "offset") FROM heartbeat_dead_letters},
	'avro:INVALID_AVRO avro:TOMBSTONE avro:INVALID_AVRO bare-avro:INVALID_AVRO json:INVALID_JSON typed-d:INVALID_PROTOBUF', 'each message in another format is a dead letter');
is($node->query(q{SELECT count(*) FROM heartbeat_source_status WHERE state <> 'RUNNING'}), 0, 'all sources are RUNNING');

$node->assert_audit;
$node->assert_summary('the summary equals the readings');
$node->assert_no_crash;
$node->stop;
done_testing();
