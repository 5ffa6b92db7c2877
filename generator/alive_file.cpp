// Generator: touches a file when Kafka acknowledges messages. A health check reads the age of this file.
#include "alive_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace heartbeat::generator {

namespace {

constexpr std::chrono::seconds shortest_period(1);
constexpr mode_t readable_by_all = 0644;
constexpr timespec very_old[2] = {{0, UTIME_OMIT}, {0, 0}};

// Sets the time of the file. `times` is the argument of futimens(): nullptr sets the present time. Returns 0
// or errno.
int touch(const std::string &path, const timespec *times) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, readable_by_all);
    if (fd < 0)
        return errno;
    const int error = futimens(fd, times) == 0 ? 0 : errno;
    close(fd);
    return error;
}

} // namespace

AliveFile::AliveFile(std::string path) : path_(std::move(path)) {
    const int error = touch(path_, very_old);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "--alive-file " + path_);
}

void AliveFile::note(uint64_t acknowledged, Clock::time_point now) {
    if (acknowledged == last_acknowledged_ || now < next_)
        return;
    last_acknowledged_ = acknowledged;
    next_ = now + shortest_period;
    touch(path_, nullptr); // needs no check for errors: without a touch, the health check fails
}

} // namespace heartbeat::generator
