# Test code: writes the worker's file of Kafka properties as docs/security.md shows it, and checks that no secret of this
# file becomes visible. The test collects all visible texts, and searches them at the end.

package Heartbeat::Secrets;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

use PostgreSQL::Test::Utils;

my $document = abs_path(dirname(__FILE__) . '/../../../..') . '/docs/security.md';

=pod

    my $secrets = Heartbeat::Secrets->new($node, $folder, 'password', ...);
    my %properties = $secrets->documented('SASL_SSL');          # the block of docs/security.md for SASL_SSL
    $secrets->use('host:port', %properties, 'sasl.password' => 'another');
    $secrets->refused('host:port', { ... }, qr/reason/, 'the reason names the mistake');
    $secrets->assert_kept;

=cut

sub new
{
	my ($class, $node, $folder, @secrets) = @_;
	return bless {
		node    => $node,
		folder  => $folder,
		file    => $node->data_dir . '/kafka.properties',
		secrets => \@secrets,
		shown   => [],
	}, $class;
}

# Returns the properties that the documentation has for a protocol, with the test's folder in place of /etc/heartbeat.
sub documented
{
	my ($self, $protocol) = @_;
	my ($block) = slurp_file($document) =~ /^```properties\n(security\.protocol=\Q$protocol\E\n.*?)^```/ms
	  or croak "$document has no properties for $protocol";
	$block =~ s{/etc/heartbeat}{$self->{folder}}g;
	return map { split /=/, $_, 2 } split /\n/, $block;
}

# Runs the kafka-acls.sh commands of the documentation, which grant the rights in Kafka.
sub grant_documented
{
	my ($self, $kafka) = @_;
	my @commands = slurp_file($document) =~ /^    kafka-acls\.sh --bootstrap-server \S+ (--add .*)$/mg
	  or croak "$document has no kafka-acls.sh";
	$kafka->tool('acls', split / +/, $_) for @commands;
	return;
}

sub write
{
	my ($self, $text) = @_;
	open(my $file, '>', $self->{file}) or croak "$self->{file}: $!";
	chmod 0600, $self->{file};
	print $file $text;
	close $file or croak "$self->{file}: $!";
	return;
}

# Writes the file and reloads the configuration. The file turns on librdkafka's debug messages, which could contain secrets.
sub use
{
	my ($self, $brokers, %properties) = @_;
	$properties{debug} //= 'security,broker,conf';
	$self->write(join '', map { "$_=$properties{$_}\n" } sort keys %properties);
	$self->{node}->set('heartbeat.kafka_config_file' => $self->{file}, 'heartbeat.brokers' => $brokers);
	return;
}

# Writes the file with these properties. Passes when the reason for the state then matches the pattern. Keeps the visible texts,
# so that assert_kept() can search these texts for secrets.
sub refused
{
	my ($self, $brokers, $properties, $reason, $what, $state) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->use($brokers, %$properties);
	return $self->said($state // 'CONNECTING', $reason, $what);
}

sub said
{
	my ($self, $state, $reason, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $passed = $self->{node}->wait_for_state($state, $reason, $what);
	$self->remember;
	return $passed;
}

# Keeps the present contents of the views and the settings.
sub remember
{
	my ($self) = @_;
	my $shown = $self->{node}->query(join ' UNION ALL ', map { "SELECT to_json(v) FROM $_ v" } qw(heartbeat_status heartbeat_partitions
		  heartbeat_sources heartbeat_source_status heartbeat_events pg_settings pg_stat_activity));
	note $self->{node}->query('SELECT state, reason, hint, last_error FROM heartbeat_status');
	push @{ $self->{shown} }, $shown;
	return;
}

# Keeps a visible text, for example an error.
sub show { my ($self, $text) = @_; push @{ $self->{shown} }, $text; return $text; }

# Passes when no secret is in the server's log, or in the texts of views, settings and errors.
sub assert_kept
{
	my ($self) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$self->remember;
	my $log   = slurp_file($self->{node}->logfile);
	my $shown = join "\n", @{ $self->{shown} };
	for my $secret (@{ $self->{secrets} })
	{
		is(index($log,   $secret), -1, 'no secret is in the server\'s log');
		is(index($shown, $secret), -1, 'no secret is in a view, a setting or an error');
	}
	return like($log, qr/DEBUG: .*heartbeat: librdkafka: /, 'the log has debug messages of librdkafka');
}

1;
