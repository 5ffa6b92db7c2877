// Generator: counts Ctrl-C and SIGTERM.
#pragma once

namespace heartbeat::generator {

// After this call SIGINT and SIGTERM are counted, and a closed pipe is an error of the write, not the end of
// the process.
void stop_install_handlers();

// After the first request: send no more messages, and drain.
bool stop_requested();

// The second, or a second after SIGTERM: do not wait for what is still in flight either.
bool stop_at_once();

} // namespace heartbeat::generator
