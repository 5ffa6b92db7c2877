# heartbeat stores the schemas of messages in heartbeat_schemas, also in a database whose encoding is not UTF-8. So heartbeat
# needs no registry after a restart, after a promotion of a standby, or after a restore of a dump. While a source waits for a
# registry, a user can pause, change and drop the source without a delay.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Formats qw(add_source avro counted formats_begin source_is stored);
use Heartbeat::Publisher qw(framed);
use Heartbeat::RegistryFront;

my ($kafka, $registry, $node, $publisher) = formats_begin('table', { streaming => 1 }, 'one', 'two', 'held');
my $front = Heartbeat::RegistryFront->new($registry->url);
my $time  = 1_795_444_742;
my @mapping = (format => 'avro', mapping => { customer_id => '/id', heart_rate => '/bpm', event_timestamp => { at => '/at', unit => 's' } });
my $schema = avro('Beat', id => 'string', bpm => 'double', at => 'long');

# publish() sends messages with the schema $schema. The parameter is the name of a topic, and each customer id begins with this
# name.
my $id = $registry->register('beat', 'AVRO', $schema);
my %sent;
sub publish
{
	my ($topic) = @_;
	$sent{$topic} //= 0;
	$publisher->publish($topic, { format => 'avro', schema => $schema, bare => \1, id => $id }, undef, map { { value => { id => "$topic-$_", bpm => 70, at => $time } } } $sent{$topic} + 1 .. $sent{$topic} + 10);
	return $sent{$topic} += 10;
}
sub has_read { my ($on, $source, $what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; return $on->wait_for_query(counted($source), $sent{$source}, $what); }
sub questions { my ($of) = @_; return scalar grep { m{/schemas/ids/} } $of->requests; }

# Two sources share the row of a schema. If a person deletes the row, a running worker still has the schema in memory. Only a
# new process of the worker asks the registry again.
publish($_) for 'one', 'two';
add_source($node, $_, topic => $_, schema_registry => $front->url, @mapping) for 'one', 'two';
has_read($node, $_, "the source $_ is read") for 'one', 'two';
my $rows = 'SELECT schema_registry, id, schema_type FROM heartbeat_schemas';
is($node->query($rows), $front->url . "|$id|AVRO", 'two sources with the same registry share the row of a schema');
my $asked = questions($front);
$node->restart;
publish('one');
has_read($node, 'one', 'the source is read after a restart');
is(questions($front), $asked, 'no worker has asked the registry again');
$node->query('DELETE FROM heartbeat_schemas');
publish('one');
has_read($node, 'one', 'a running worker knows the schema of a deleted row');
is(questions($front), $asked, 'and does not ask the registry');
$node->restart;
publish('one');
has_read($node, 'one', 'the source is read after a restart without the row');
cmp_ok(questions($front), '>', $asked, 'a worker has asked the registry again');
is($node->query($rows), $front->url . "|$id|AVRO", 'the row is there again');

# Tests sources that wait for the registry.
my $slow = Heartbeat::RegistryFront->new($registry->url);
$slow->behave('hold');
publish('held');
sub in_time
{
	my ($what, $sql, $query, $expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begun = time;
	$node->query($sql);
	$node->wait_for_query($query, $expected, "$what of a source that waits takes effect");
	return cmp_ok(time - $begun, '<', 4, sprintf '%s: after %.1f s', $what, time - $begun);
}
for my $act ('pause', 'alter', 'drop')
{
	my $before = questions($slow);
	add_source($node, "held-$act", topic => 'held', schema_registry => $slow->url, @mapping);
	my $deadline = time + 30;
	Time::HiRes::usleep(20_000) while questions($slow) == $before && time < $deadline;
	cmp_ok(questions($slow), '>', $before, "a worker waits for the registry: $act");
	publish('one');
	has_read($node, 'one', 'another source is read meanwhile');
	in_time('a pause', q(SELECT heartbeat_pause('to see', source => 'held-pause')), source_is('held-pause'), 'PAUSED|to see') if $act eq 'pause';
	in_time('a change', qq(SELECT heartbeat_alter_source('held-alter', schema_registry => '@{[ $front->url ]}')), counted('held-alter'), 10) if $act eq 'alter';
	in_time('a drop', q(SELECT heartbeat_drop_source('held-drop')), q(SELECT count(*) FROM heartbeat_source_status WHERE source = 'held-drop'), 0) if $act eq 'drop';
}
$slow->behave('pass');
is($node->query(q(SELECT count(*) FROM heartbeat_offsets WHERE source IN ('held-pause', 'held-drop') AND messages > 0)), 0, 'nothing is stored of the paused and the dropped source');
$node->query(q(SELECT heartbeat_resume(source => 'held-pause')));
$node->wait_for_query(q(SELECT duplicates FROM heartbeat_offsets WHERE source = 'held-pause'), 10, 'the paused source continues');
is($node->count('heartbeat_dead_letters'), 0, 'no message is a dead letter');

# Tests a database in LATIN1. The registry refuses names with letters outside ASCII, so a front sends the schema.
my $latin_schema = avro('Stammdaten', id => 'string', 心拍 => { type => [ 'null', 'int' ] }, größe => 'double', at => 'long',
	art => { type => 'enum', name => 'Art', symbols => [ '安静', 'überall' ] }) =~ s/"type":"record"/"type":"record","doc":"heart \x{2665} and \x{1F493}"/r;
my $latin_front = Heartbeat::RegistryFront->new($registry->url);
$latin_front->behave('text ' . JSON::PP::encode_json({ schema => $latin_schema }));
my $latin = Heartbeat::Cluster->create('latin', kafka => $kafka, encoding => 'LATIN1', locale => 'C');
$latin->query("SELECT heartbeat_drop_source('default')");
$kafka->create_topic('latin', 1);

# The serializers also refuse such names, so the test encodes each message itself. The fields are a text, the integer 4 in a
# union, a double, a long, and the second symbol of the enum.
sub long { my ($n) = @_; my $out = ''; for ($n *= 2; $n > 127; $n >>= 7) { $out .= chr($n & 127 | 128); } return $out . chr $n; }
sub latin_messages { return map { { value => framed(4711, long(length "latin-$_") . "latin-$_" . "\2\10" . pack('d<', 60 + $_) . long($time) . "\2") } } @_; }
$latin->query(qq(SELECT heartbeat_add_source('latin', 'latin', format => 'avro', schema_registry => '@{[ $latin_front->url ]}', mapping =>
	'{"customer_id": "/id", "heart_rate": "/gr\\u00f6\\u00dfe", "device_id": "/art", "event_timestamp": {"at": "/at", "unit": "s"}}')));
$kafka->produce('latin', latin_messages(1 .. 5));
my $latin_rows = q(SELECT count(*), min(heart_rate), max(heart_rate), min(encode(convert_to(device_id, 'UTF8'), 'hex')) FROM heartbeat_records);
$latin->wait_for_query($latin_rows, '5|61|65|' . unpack('H*', "\xc3\xbcberall"), 'a database in LATIN1 reads messages of a schema with other characters');
like($latin->query('SELECT schema FROM heartbeat_schemas'), qr/^(?=.*\\u5fc3\\u62cd)(?=.*\\u2665)(?=.*\\ud83d\\udc93)[\x01-\x7f]*$/i, 'the table has these characters as escapes of JSON');

# A person replaces a wrong schema. The workers keep the wrong schema in memory until heartbeat_alter_source() changes the
# source.
$kafka->create_topic('replaced', 1);
sub replaced_messages { return map { { value => framed(99, long(length "replaced-$_") . "replaced-$_" . long(60 + $_) . long($time)) } } @_; }
sub replaced_schema
{
	my ($type) = @_;
	return qq(SELECT heartbeat_add_schema(99, '{"type": "record", "name": "Beat", "fields": [{"name": "id", "type": "string"},
		{"name": "bpm", "type": "$type"}, {"name": "at", "type": "long"}]}'));
}
$node->psql('heartbeat', q{SELECT heartbeat_add_schema(98, '"int"', schema_registry => 'http://nobody')}, stderr => \my $notice);
like($notice, qr/NOTICE:  no source has the schema registry "http:\/\/nobody"/, 'a notice names a registry that no source has');
my $replaced_mapping = '{"customer_id": "/id", "heart_rate": "/bpm", "event_timestamp": {"at": "/at", "unit": "s"}}';
$node->query(replaced_schema('string'));
$node->query("SELECT heartbeat_add_source('replaced', 'replaced', format => 'avro', mapping => '$replaced_mapping')");
$kafka->produce('replaced', replaced_messages(1 .. 5));
$node->wait_for_query("SELECT count(*) FROM heartbeat_dead_letters WHERE source = 'replaced' AND error_code = 'INVALID_AVRO'", 5, 'messages with a wrong schema are dead letters');
like($node->query_error(replaced_schema('int')), qr/another schema with the id 99.*heartbeat_alter_source\(\)/s, 'a schema is not replaced silently, and the hint describes how to replace it');
$node->query('DELETE FROM heartbeat_schemas WHERE id = 99');
$node->query(replaced_schema('int'));
$node->query("SELECT heartbeat_alter_source('replaced', mapping => '$replaced_mapping')");
$kafka->produce('replaced', replaced_messages(6 .. 10));
$node->wait_for_query(counted('replaced'), 5, 'after the remedy of the hint the source uses the right schema');
like($node->query(q(SELECT * FROM heartbeat_retry_dead_letters('INVALID_AVRO', source => 'replaced'))), qr/^5\|0\|/, 'a retry uses the right schema');

# From here no registry answers. A standby is promoted.
$node->backup('base');
my $standby = Heartbeat::Cluster->create_from_backup('standby', $node, 'base', has_streaming => 1);
$registry->kill9;
$_->behave('error 500') for $front, $latin_front;
$asked = questions($front);

$latin->restart;
$kafka->produce('latin', latin_messages(6 .. 10));
$latin->wait_for_query($latin_rows, '10|61|70|' . unpack('H*', "\xc3\xbcberall"), 'the schema in the table decodes after a restart without the registry');
is($latin->count('heartbeat_dead_letters'), 0, 'no message is a dead letter there');

$node->restart;
publish('one');
has_read($node, 'one', 'the source is read after a restart without the registry');
$node->wait_for_catchup($standby);
$node->stop('immediate');
publish('one');
$standby->promote;
has_read($standby, 'one', 'a promoted standby needs no registry');

# A dump is restored.
my $folder = PostgreSQL::Test::Utils::tempdir('dumps');
my $new = Heartbeat::Cluster->create('new', kafka => $kafka, extension => 0);
command_ok([ 'pg_dump', '-Fc', '-f', "$folder/dump", '-d', $standby->connstr('heartbeat') ], 'the database is dumped');
command_ok([ 'pg_restore', '-d', $new->connstr('heartbeat'), "$folder/dump" ], 'the dump is restored');
publish('one');
$new->query('SELECT heartbeat_resume()');
has_read($_, 'one', $_->name . ' reads the next messages without the registry') for $new, $standby;
is(questions($front), $asked, 'no server has asked the registry');
is(stored($new, 'one-') =~ tr/\n// + 1, $sent{one}, 'each reading is stored once');

$_->assert_audit for $new, $standby, $latin;
$_->assert_no_crash for $node, $new, $standby, $latin;
$_->stop for $new, $standby, $latin;
done_testing();
