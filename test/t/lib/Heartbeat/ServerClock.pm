# Test code: sets the wall clock of a server's processes. A library that the server preloads replaces gettimeofday(), which
# PostgreSQL calls for the present time. The library adds some seconds to the time, and reads their number from a file. The
# clock of the machine and the monotonic clock do not change: a real change of the wall clock does not affect the monotonic
# clock.

package Heartbeat::ServerClock;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

# The parameter is the number of seconds by which the clock is ahead. Start the server while the environment variables of
# environment() are set.
sub new
{
	my ($class, $seconds) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir('clock');
	my $self   = bless { library => "$folder/clock.so", file => "$folder/ahead" }, $class;
	open(my $source, '>', "$folder/clock.c") or die "clock.c: $!";
	print $source <<'C';
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static const volatile int64_t *ahead;
__attribute__((constructor)) static void open_file(void) {
    int file = open(getenv("HEARTBEAT_CLOCK"), O_RDONLY);
    void *map = mmap(0, sizeof(*ahead), PROT_READ, MAP_SHARED, file, 0);
    if (map == MAP_FAILED)
        abort();
    ahead = map;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    now->tv_sec = real.tv_sec + *ahead;
    now->tv_usec = real.tv_nsec / 1000;
    return 0;
}
C
	close $source;
	system_or_bail('cc', '-shared', '-fPIC', '-o', $self->{library}, "$folder/clock.c");
	$self->set($seconds);
	return $self;
}

sub environment { my ($self) = @_; return (LD_PRELOAD => $self->{library}, HEARTBEAT_CLOCK => $self->{file}); }

# Sets the clock so that it is ahead by this number of seconds. The processes of the server notice the new time at once.
sub set
{
	my ($self, $seconds) = @_;
	open(my $file, -e $self->{file} ? '+<' : '>', $self->{file}) or die "$self->{file}: $!";
	syswrite($file, pack('q', $seconds)) == 8 or die "$self->{file}: $!";
	close $file;
	return;
}

1;
