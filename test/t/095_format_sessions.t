# A user calls functions that need a schema while the registry does not answer. A cancel, a termination or a timeout ends the
# call at once. Otherwise the call fails after five seconds. A process loads the libraries for a registry and for Protobuf only
# if it needs them. A server without the libraries reads all sources that do not need the libraries.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Formats qw(add_source avro counted formats_begin source_is stored);
use Heartbeat::Publisher qw(framed);
use Heartbeat::Reading;
use Heartbeat::RegistryFront;

my ($kafka, $registry, $node, $publisher) = formats_begin('sessions', {}, 'json', 'by-hand', 'avro', 'proto');
my $front = Heartbeat::RegistryFront->new($registry->url);
my $time  = 1_795_444_742;
my %mapping = (customer_id => '/id', heart_rate => '/bpm', event_timestamp => { at => '/at', unit => 's' });
my $schema  = avro('Beat', id => 'string', bpm => 'double', at => 'long');
my $proto   = 'syntax = "proto3"; message Beat { string id = 1; double bpm = 2; int64 at = 3; }';
my $libraries = qr/libcurl|libprotobuf|heartbeat_formats/;

sub beats { my ($prefix, @numbers) = @_; return map { { value => { id => "$prefix-$_", bpm => 70, at => $time } } } @numbers; }
sub loaded { my ($pid) = @_; return slurp_file("/proc/$pid/maps") =~ $libraries ? 'yes' : 'no'; }
# Adds sources that need neither a registry nor libprotobuf.
sub add_simple_sources
{
	my ($on) = @_;
	add_source($on, 'json', topic => 'json');
	$on->query("SELECT heartbeat_add_schema(900, '$schema')");
	add_source($on, 'by-hand', topic => 'by-hand', format => 'avro', mapping => \%mapping);
	$on->wait_for_query(counted($_), 10, $on->name . " reads the source $_") for 'json', 'by-hand';
	return;
}
sub message_900 { my ($i) = @_; return { value => framed(900, chr(2 * length $i) . $i . pack('d<', 70) . "\2") }; }

# Tests which processes load the libraries.
$kafka->produce('json', map { { value => reading("other-$_", 70, reading_time($time)) } } 1 .. 10);
$kafka->produce('by-hand', map { message_900("hand$_") } 1 .. 10);
add_simple_sources($node);
is(loaded($node->worker_pid($_)), 'no', "the process does not have the libraries: $_") for 'heartbeat launcher', 'heartbeat maintenance%', 'heartbeat worker%';
my $in_session = "SELECT pg_read_file('/proc/self/maps') ~ 'libcurl|libprotobuf|heartbeat_formats'";
is($node->query("SELECT count(*) FROM heartbeat_records; SELECT count(*) FROM heartbeat_try_source('json'); $in_session"), "20\n10\nf", 'nor does a session that tries JSON');
my $by_hand = q(SELECT count(*) FROM heartbeat_try_source('by-hand', '{"customer_id": "/id", "heart_rate": "/bpm", "event_timestamp": {"at": "/at", "unit": "s"}}', format => 'avro'));
is($node->query("$by_hand; $in_session"), "10\nf", 'nor does a session that tries Avro with a schema of the table');
is($node->query("SELECT count(*) FROM heartbeat_suggest_mapping('json'); $in_session") =~ s/.*\n//r, 'f', 'nor does a session that asks for a mapping');

# The source `avro` has a registry, so the worker must load the libraries.
$publisher->publish('avro', { format => 'avro', schema => $schema }, undef, beats('avro', 1 .. 10));
$publisher->publish('avro', { format => 'avro', schema => avro('Beat', id => 'string', at => 'long', bpm => { type => [ 'null', 'double' ], default => undef }) }, undef, { value => { id => 'missing', at => $time, bpm => undef } });
add_source($node, 'avro', topic => 'avro', format => 'avro', schema_registry => $front->url, mapping => \%mapping);
$node->wait_for_query(q(SELECT records, dead_letters FROM heartbeat_offsets WHERE source = 'avro'), '10|1', 'the source with a registry is read');
is(loaded($node->worker_pid('heartbeat worker%')), 'yes', 'now the worker has the libraries');
is(loaded($node->worker_pid($_)), 'no', "the process still does not have them: $_") for 'heartbeat launcher', 'heartbeat maintenance%';

# The registry does not answer, and heartbeat_schemas does not have the schemas.
my $json  = JSON::PP->new->canonical->encode(\%mapping);
my %calls = (
	'heartbeat_try_source'         => "SELECT count(*) FROM heartbeat_try_source('avro', '$json', format => 'avro', schema_registry => 'URL')",
	'heartbeat_suggest_mapping'    => "SELECT count(*) FROM heartbeat_suggest_mapping('avro', schema_registry => 'URL')",
	'heartbeat_replay'             => "SELECT count(*) FROM heartbeat_replay('2020-01-01', now() + interval '1 day', source => 'avro')",
	'heartbeat_retry_dead_letters' => "SELECT count(*) FROM heartbeat_retry_dead_letters(source => 'avro')");
$_ =~ s/URL/$front->url/e for values %calls;
$node->query('DELETE FROM heartbeat_schemas WHERE id <> 900');
my $everything = join ' UNION ALL ', map { "SELECT to_jsonb(v) - 'updated_at' FROM $_ v" } qw(heartbeat_schemas heartbeat_offsets heartbeat_dead_letters heartbeat_records);
my $contents   = "SELECT md5(string_agg(v::text, ' ' ORDER BY v)) FROM ($everything) AS t(v)";
my $replays    = q(SELECT count(*) FROM heartbeat_events WHERE kind = 'replay');
my $before     = $node->query($contents) . $node->query($replays);

# Begins a call in a session of its own, and waits until the registry has received a request of this call.
my $calls = 0;
sub begin
{
	my ($function, $settings) = @_;
	my $asked = $front->requests;
	my %call  = (name => 'call' . ++$calls, error => '', out => '', begun => time);
	$call{psql} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('heartbeat') . " application_name='$call{name}'", '-c', $settings . $calls{$function} ],
		'<', \undef, '>', \$call{out}, '2>', \$call{error});
	my $deadline = time + 30;
	usleep(10_000) while $front->requests == $asked && time < $deadline;
	return \%call;
}
sub ends
{
	my ($call, $pattern, $from, $seconds, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	eval { $call->{psql}->finish };
	my $took = time - $from;
	like($call->{error}, $pattern, $what);
	return cmp_ok($took, '<', $seconds, sprintf '%s: after %.1f s', $what, $took);
}
$front->behave('hold');
for my $function (sort keys %calls)
{
	for my $how ([ 'pg_cancel_backend', qr/57014: canceling statement due to user request/ ], [ 'pg_terminate_backend', qr/57P01: terminating connection/ ])
	{
		my $call = begin($function, '');
		my $from = time;
		$node->query("SELECT $how->[0](pid) FROM pg_stat_activity WHERE application_name = '$call->{name}'");
		ends($call, $how->[1], $from, 2, "$how->[0] ends $function");
	}
	my $call = begin($function, q(SET statement_timeout = '1s'; ));
	ends($call, qr/57014: canceling statement due to statement timeout/, $call->{begun} + 1, 2, "statement_timeout ends $function");
}
my @waiting = map { begin($_, '') } sort keys %calls;
for my $function (sort keys %calls)
{
	my $call = shift @waiting;
	ends($call, qr/ERROR:  08006: cannot load schema \d+\nDETAIL:  .*in time\nHINT:  Check the schema registry/, $call->{begun}, 9, "$function ends with an error");
	cmp_ok(time - $call->{begun}, '>', 4, "$function has waited for the registry");
}
is($node->query($contents) . $node->query($replays), $before, 'these calls have left nothing in the tables');
is($node->query(q(SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^call')), 0, 'no session is left');

# The front passes the request on, and the registry behind the front is frozen.
$registry->freeze;
$front->behave('pass');
my $call = begin('heartbeat_try_source', '');
ends($call, qr/ERROR:  08006: cannot load schema \d+\n/, $call->{begun}, 9, 'a frozen registry is an error too');
$node->wait_for_query(source_is('avro'), qr/^RUNNING\|/, 'the worker has the schemas, and is RUNNING');
$registry->thaw;
is($node->query($calls{heartbeat_suggest_mapping}) > 0, 1, 'a mapping is suggested when the registry answers again');
is($node->query($calls{heartbeat_replay}), 1, 'a replay succeeds');
is($node->query(q(SELECT resolved, remaining FROM heartbeat_retry_dead_letters(source => 'avro'))), '0|1', 'a retry succeeds');

# A server runs without the module heartbeat_formats, which needs libcurl and libprotobuf. The test makes an installation of
# PostgreSQL without this module: a copy of the folder of the programs, and links to all other files except the module. A link
# to the folder of the programs is not enough, because PostgreSQL finds its other folders relative to the real folder of its
# programs.
my %folder = map { my $text = `pg_config --$_`; chomp $text; $_ => $text } qw(bindir pkglibdir sharedir);
my $copy = PostgreSQL::Test::Utils::tempdir('without');
make_path(map { $copy . dirname($_) } values %folder);
make_path("$copy$folder{pkglibdir}");
system_or_bail('cp', '-R', $folder{bindir}, $copy . $folder{bindir});
symlink($folder{sharedir}, $copy . $folder{sharedir}) or die "symlink: $!";
symlink($_, "$copy$folder{pkglibdir}/" . basename($_)) for grep { !/heartbeat_formats/ } glob "$folder{pkglibdir}/*";
my $without = Heartbeat::Cluster->create('without', kafka => $kafka, install_path => $copy . dirname($folder{bindir}));
$without->query("SELECT heartbeat_drop_source('default')");
add_simple_sources($without);
my $install = qr/^CONNECTING\|.*heartbeat_formats is not installed.*Install libcurl and libprotobuf/;
$publisher->publish('proto', { format => 'protobuf', message => 'Beat', schema => $proto }, undef, beats('proto', 1 .. 10));
add_source($without, 'avro', topic => 'avro', format => 'avro', schema_registry => $registry->url, mapping => \%mapping);
add_source($without, 'proto', topic => 'proto', format => 'protobuf', schema_registry => $registry->url, mapping => \%mapping);
for my $source ('avro', 'proto') { $without->wait_for_query(source_is($source), $install, "the source $source is CONNECTING, and the reason says what to install"); }
like($without->query_error("SELECT heartbeat_try_source('proto', format => 'protobuf', schema_registry => '" . $registry->url . "')"), qr/heartbeat_formats is not installed/, 'a session has the same reason');
like($without->query_error("SELECT heartbeat_add_schema(901, '$proto', 'PROTOBUF')"), qr/heartbeat_formats is not installed/, 'a .proto file cannot be added');
$kafka->produce('json', map { { value => reading("later-$_", 70, reading_time($time)) } } 1 .. 10);
$kafka->produce('by-hand', map { message_900("late$_") } 1 .. 10);
$without->wait_for_query(counted($_), 20, "the source $_ is read on") for 'json', 'by-hand';
is($without->query(q(SELECT count(*) FROM heartbeat_dead_letters)), 0, 'no message is a dead letter');
append_to_file("$copy$folder{pkglibdir}/heartbeat_formats.so", 'no library');
like($without->query_error("SELECT heartbeat_add_schema(901, '$proto', 'PROTOBUF')"), qr/heartbeat_formats cannot be loaded: install the libraries/, 'the error says that the module cannot be loaded');
unlink("$copy$folder{pkglibdir}/heartbeat_formats.so") or die "unlink: $!";
symlink("$folder{pkglibdir}/heartbeat_formats.so", "$copy$folder{pkglibdir}/heartbeat_formats.so") or die "symlink: $!";
$without->wait_for_query(counted($_), 10, "the source $_ is read when the module is installed, without a restart") for 'avro', 'proto';


# The test removes the installed module. A source with a .proto file as its own schema needs the module whenever the worker
# starts, although the source needs no registry.
$kafka->create_topic('bare');
add_source($without, 'bare', topic => 'bare', format => 'protobuf', schema => $proto, mapping => \%mapping);
my $bare = { format => 'protobuf', message => 'Beat', schema => $proto, bare => \1 };
$publisher->publish('bare', $bare, undef, beats('bare', 1 .. 10));
$without->wait_for_query(counted('bare'), 10, 'a source with a .proto file is read');
unlink("$copy$folder{pkglibdir}/heartbeat_formats.so") or die "unlink: $!";
$without->restart;
$publisher->publish('bare', $bare, undef, beats('bare', 11 .. 20));
$without->wait_for_query(source_is('bare'), $install, 'it is CONNECTING without the module, and the reason says what to install');
like($without->query_error(q(SELECT heartbeat_replay('2020-01-01', now(), source => 'bare'))), qr/cannot be decoded.*heartbeat_formats is not installed/s, 'a replay says it too');
$without->query(q(SELECT heartbeat_pause('to see', source => 'bare')));
$without->wait_for_query(source_is('bare'), 'PAUSED|to see', 'it can be paused meanwhile');
$without->query(q(SELECT heartbeat_resume(source => 'bare')));
$without->wait_for_query(source_is('bare'), $install, 'and resumed');
symlink("$folder{pkglibdir}/heartbeat_formats.so", "$copy$folder{pkglibdir}/heartbeat_formats.so") or die "symlink: $!";
$without->wait_for_query(counted('bare'), 20, 'it is read when the module is installed again');

# The server loads heartbeat from $elsewhere instead of its folder of libraries. heartbeat then also loads the module from
# $elsewhere.
my $elsewhere = PostgreSQL::Test::Utils::tempdir('elsewhere');
symlink("$folder{pkglibdir}/$_", "$elsewhere/$_") or die "symlink: $!" for 'heartbeat.so', 'heartbeat_formats.so';
unlink("$copy$folder{pkglibdir}/heartbeat_formats.so") or die "unlink: $!";
$without->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'$elsewhere/heartbeat'");
$without->restart;
$publisher->publish('bare', $bare, undef, beats('bare', 21 .. 30));
$without->wait_for_query(counted('bare'), 30, 'it is read when the module is only in the folder from which the server loads heartbeat');

for my $one ($node, $without)
{
	$one->assert_audit;
	$one->assert_no_crash;
	$one->stop;
}
done_testing();
