// Generator: Ctrl-C and SIGTERM, counted.
#pragma once

namespace heartbeat::generator {

// From now on SIGINT and SIGTERM are counted, and a closed pipe is an error of the write instead of the end.
void stop_install_handlers();

// The first request: send nothing more and drain.
bool stop_requested();

// The second: do not wait for what is still in flight either.
bool stop_at_once();

} // namespace heartbeat::generator
