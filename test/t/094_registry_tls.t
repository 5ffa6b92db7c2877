# A schema registry behind TLS requires a password, a token or a client certificate. The steps of docs/formats.md connect a
# topic to this registry. If the properties file has a mistake, the source is CONNECTING and the reason names the mistake. No
# message becomes a dead letter, and the source continues after the file is corrected. No secret becomes visible. A role without
# the necessary right cannot make the server send these credentials to another host.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Certificates;
use Heartbeat::Cluster;
use Heartbeat::Formats qw(add_source avro formats_begin source_is stored);
use Heartbeat::RegistryTls;
use Heartbeat::Runbook;
use Heartbeat::Secrets;

my $password   = 'pass:word 5d0b7c';
my $wrong      = 'wrong word 91a4e2';
my $token      = 'token.b8f6d31c';
my $bad_token  = 'wrong.47fe0a';
my $passphrase = 'phrase of the key 3ce9';
my $folder     = PostgreSQL::Test::Utils::tempdir('certificates');
my $ca         = Heartbeat::Certificates->new($folder, 'registry-ca');    # docs/formats.md uses this name
my $stranger   = Heartbeat::Certificates->new($folder, 'stranger');
my %keystore   = (registry => $ca->issue('registry', names => 'DNS:localhost'), elsewhere => $ca->issue('elsewhere', names => 'DNS:elsewhere.example'));
$ca->issue('client', names => 'DNS:heartbeat', passphrase => $passphrase);
$stranger->issue('impostor', names => 'DNS:heartbeat');

my ($kafka, $registry, $node, $publisher) = formats_begin('tls', { settings => { 'log_min_messages' => 'debug1' } }, 'vitals', 'ward');
my @credentials = (user => "heartbeat:$password", token => $token);
my %front = (
	tls       => Heartbeat::RegistryTls->new($registry->url, $keystore{registry},  @credentials),
	elsewhere => Heartbeat::RegistryTls->new($registry->url, $keystore{elsewhere}, @credentials),
	mtls      => Heartbeat::RegistryTls->new($registry->url, $keystore{registry},  @credentials, client_ca => $ca->file));
my $secrets = Heartbeat::Secrets->new($node, $folder, $password, $wrong, $token, $bad_token, $passphrase,
	map { encode_base64("heartbeat:$_", '') } $password, $wrong);
my $guide = Heartbeat::Runbook->new($node, 'docs/formats.md');
$guide->replace('https://registry:8081', $front{tls}->url);

# These are the properties in docs/formats.md, with the password and the folder of the test.
my ($block) = slurp_file("$FindBin::RealBin/../../docs/formats.md") =~ /^((?:    schema\.registry\.\S+=.*\n)+)/m or die 'no properties';
my %documented = map { split /=/, $_, 2 } map { s/^ +//r =~ s/the password/$password/r =~ s{/etc/heartbeat}{$folder}r } split /\n/, $block;
my %only_tls   = map { ("schema.registry.$_" => $documented{"schema.registry.$_"}) } 'ssl.ca.location';
my %mutual     = (%documented, 'schema.registry.ssl.certificate.location' => "$folder/client.pem", 'schema.registry.ssl.key.location' => "$folder/client.key",
	'schema.registry.ssl.key.password' => $passphrase);

my $time = 1_795_444_742;
my ($version, $sent) = (0, 0);

# Publishes ten messages with a schema that no worker has read yet.
sub publish
{
	my $schema = avro('Reading', patient => { type => 'record', name => 'Patient', fields => [ { name => 'id', type => 'string' } ] }, bpm => 'int',
		measured_at => { type => 'long', logicalType => 'timestamp-millis' }, "extra$version" => { type => [ 'null', 'int' ], default => undef });
	$version++;
	$publisher->publish('vitals', { format => 'avro', schema => $schema }, undef,
		map { { value => { patient => { id => "p-$_" }, bpm => 70, measured_at => $time * 1000 } } } $sent + 1 .. $sent + 10);
	return $sent += 10;
}
sub has_read { my ($what) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; return $node->wait_for_query(q(SELECT sum(records) FROM heartbeat_offsets WHERE source = 'vitals'), $sent, $what); }
sub configure { my (%properties) = @_; return $secrets->use($kafka->brokers, debug => 'conf', %properties); }

# Runs the steps of docs/formats.md.
configure(%documented);
publish();
like($guide->run('Let heartbeat suggest a mapping', 1), qr{^avro\|.*"/patient/id".*\|10\|10$}m, 'the first step suggests a mapping');
like($guide->run('Look at the readings', 1), qr/^0\|9\|p-10\|\|70\|2026-11-23 14:39:02\+00\|NORMAL\|\|$/m, 'the second step shows readings');
is($node->count('heartbeat_schemas'), 0, 'these steps store no schema');
$guide->run('Add the source', 1);
has_read('the third step makes the workers store the readings');
$node->wait_for_query(source_is('vitals'), qr/^RUNNING\|/, 'the source is RUNNING');
is((grep { !/^200 / } $front{tls}->requests), 0, 'each request had the password');

# Tests mistakes in the file.
my $certificate_problem = qr/certificate|issuer/;
my $no_certificate      = qr/certificate required|handshake failure|bad certificate|alert|reset by peer|closed|unexpected eof/i;
for my $mistake (
	[ 'tls', { %documented, 'schema.registry.basic.auth.user.info' => "heartbeat:$wrong" }, qr/HTTP status 401/, 'a wrong password' ],
	[ 'tls', {%only_tls}, qr/HTTP status 401/, 'no password' ],
	[ 'tls', { %only_tls, 'schema.registry.bearer.auth.token' => $bad_token }, qr/HTTP status 401/, 'a wrong token' ],
	[ 'tls', { %documented, 'schema.registry.ssl.ca.location' => $stranger->file }, $certificate_problem, 'another CA' ],
	[ 'tls', { map { ("schema.registry.$_" => $documented{"schema.registry.$_"}) } 'basic.auth.user.info' }, $certificate_problem, 'only the CAs of the system' ],
	[ 'tls', { %documented, 'schema.registry.ssl.ca.location' => "$folder/missing.pem" }, qr/file of schema\.registry\.ssl\.ca\.location cannot be read/, 'a file that does not exist' ],
	[ 'elsewhere', {%documented}, qr/host ?name|subject ?name/i, 'a certificate of another host' ],
	[ 'mtls', {%documented}, $no_certificate, 'no client certificate' ],
	[ 'mtls', { %documented, 'schema.registry.ssl.certificate.location' => "$folder/impostor.keystore" }, $no_certificate, 'a client certificate of a CA that the registry does not know' ],
	[ 'mtls', { %mutual, 'schema.registry.ssl.key.password' => $wrong }, qr/private key/, 'a wrong password of the key' ],
	[ 'mtls', { %mutual, 'schema.registry.ssl.key.password' => '' }, qr/private key/, 'no password of the key' ],
	[ 'tls', { %documented, 'schema.registry.bearer.auth.token' => $token }, qr/both a user and a token/, 'a user and a token' ],
	[ 'tls', { %documented, 'schema.registry.ssl.ca.locatoin' => $token }, qr/schema\.registry\.ssl\.ca\.locatoin/, 'a property that does not exist', 'FAILED' ])
{
	my ($front, $properties, $reason, $what, $state) = @$mistake;
	configure(%$properties);
	$node->query("SELECT heartbeat_alter_source('vitals', schema_registry => '" . $front{$front}->url . "')");
	my $before = $sent;
	publish();
	$state //= 'CONNECTING';
	$node->wait_for_query(source_is('vitals'), qr/^$state\|.*$reason/, "$what: the source is $state, and the reason says why");
	note $node->query(source_is('vitals'));
	$secrets->remember;
	my $error = $secrets->show($node->query_error("SELECT heartbeat_try_source('vitals', format => 'avro', schema_registry => '" . $front{$front}->url . "')"));
	like($error, $reason, "$what: a session has the same reason");
	like($error, $state eq 'FAILED' ? qr/cannot open a Kafka client.*HINT:  Check heartbeat\.brokers and the properties file/s : qr/cannot load schema \d+.*HINT:  Check the schema registry/s, "$what: the hint fits the reason");
	is($node->query('SELECT (SELECT sum(records) FROM heartbeat_offsets), (SELECT count(*) FROM heartbeat_dead_letters)'), "$before|0", "$what: no message is stored or a dead letter");
	configure($front eq 'elsewhere' ? (%documented, 'schema.registry.ssl.endpoint.identification.algorithm' => 'none') : %mutual);
	has_read("$what: the source continues after a reload with the correct file");
}

# Uses a token instead of a password.
configure(%only_tls, 'bearer.auth.token' => $token);
publish();
has_read('a registry that wants a token is read');

# The test runs the other blocks of the document.
configure(%documented);
$guide->run('Without a registry', 1);
$guide->run('Messages without a frame', 1);
$guide->run('Messages with an unknown schema', $_) for 1, 2;
$guide->run('Changes of a schema', 1);
$guide->assert_all_run($guide->parts);

# Tests the rights.
$node->query(q{CREATE ROLE sources;
	SELECT format('GRANT EXECUTE ON FUNCTION %s TO sources', oid::regprocedure) FROM pg_proc
	WHERE proname IN ('heartbeat_add_source', 'heartbeat_alter_source', 'heartbeat_try_source', 'heartbeat_suggest_mapping') \gexec});
my $url = "schema_registry => 'https://elsewhere.example'";
like($node->query_error("SET ROLE sources; SELECT $_"), qr/permission denied to set schema_registry/, "with EXECUTE only, a role cannot name a registry: $_")
  for "heartbeat_add_source('mine', 'vitals', format => 'avro', $url)", "heartbeat_alter_source('ward', $url)", "heartbeat_try_source('vitals', format => 'avro', $url)", "heartbeat_suggest_mapping('vitals', $url)";
like($node->query_error(q(SET ROLE sources; SELECT heartbeat_alter_source('vitals', schema_registry => ''))), qr/permission denied to remove schema_registry/, 'and cannot remove it');
like($node->query_error(q(SET ROLE sources; SELECT heartbeat_add_schema(9, '"int"'))), qr/permission denied for function heartbeat_add_schema/, 'without EXECUTE, a role cannot add a schema');

# The command lines of all processes must not show a secret.
$secrets->show(join "\n", map { my $text = eval { slurp_file($_) } // ''; $text =~ tr/\0/ /; $text } glob '/proc/[0-9]*/cmdline');
$secrets->assert_kept;
$node->assert_audit;
$node->assert_no_crash;
$node->stop;
done_testing();
