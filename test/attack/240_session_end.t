# When a session ends, threads of its Kafka client may still run, because librdkafka has not destroyed the client yet. The exit
# handlers of the C library would unload libraries that these threads use. So the session's process must skip the exit handlers.
# The test preloads its own library, in which the destruction of a client never ends. This library also records when exit
# handlers run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;

my $folder  = PostgreSQL::Test::Utils::tempdir('endless');
my $library = "$folder/endless.so";
my $told    = "$folder/told";
open(my $source, '>', "$folder/endless.c") or die "endless.c: $!";
print $source <<'C';
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void tell(const char *what) {
    char line[64];
    int size = snprintf(line, sizeof(line), "%d %s\n", (int)getpid(), what);
    int file = open(getenv("HEARTBEAT_TOLD"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(file, line, size) != size)
        abort();
    close(file);
}
void rd_kafka_destroy_flags(void *client, int flags) {
    tell("endless");
    for (;;)
        pause();
}
__attribute__((destructor)) static void handler(void) { tell("handlers"); }
C
close $source;
system_or_bail('cc', '-shared', '-fPIC', '-o', $library, "$folder/endless.c");

my $broker = Heartbeat::FakeBroker->new;
my $node;
{
	local $ENV{LD_PRELOAD}     = $library;
	local $ENV{HEARTBEAT_TOLD} = $told;
	$node = Heartbeat::Cluster->create('endless');
}
$node->set('heartbeat.brokers' => $broker->address);

# Runs the statement in a session, and waits until the session's process has ended. Returns the words that this process has
# recorded, in the order of recording.
sub ended
{
	my ($sql) = @_;
	my ($pid) = split /\n/, $node->query("SELECT pg_backend_pid(); $sql");
	$node->processes_end(10, $pid) or return 'the process has not ended';
	return join ' ', map { /^$pid (\w+)$/ ? $1 : () } split /\n/, slurp_file($told);
}

is(ended('SELECT 1'), 'handlers', 'a session without a Kafka client runs its exit handlers');
is(ended('SELECT count(*) FROM heartbeat_kafka_offsets(now())'), 'endless', 'a session whose Kafka client is never destroyed runs no exit handlers');
is(ended('SELECT heartbeat_pause(); SELECT heartbeat_seek(0, 0)'), 'endless', 'a session that has called heartbeat_seek() runs no exit handlers');
is(ended(q{SELECT heartbeat_check_offset('default', 0, 0); SELECT heartbeat_check_offset('default', 0, 0)}), 'endless endless', 'a session that leaves two clients runs no exit handlers');
is(ended("SELECT count(*) FROM heartbeat_replay(now() - interval '1 hour', now())"), 'endless', 'a session that has called heartbeat_replay() runs no exit handlers');
$node->assert_no_crash;
done_testing();
