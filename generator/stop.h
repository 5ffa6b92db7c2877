// Generator: counts SIGINT (Ctrl-C) and SIGTERM. The loops of the generator call these functions to learn
// whether they must stop.
#pragma once

namespace heartbeat::generator {

// After this call the process counts SIGINT and SIGTERM. The process ignores SIGPIPE: a write to a closed
// pipe then returns an error and does not end the process.
void stop_install_handlers();

// Returns true after the first signal. The caller must then stop sending, and must wait for the messages in
// flight.
bool stop_requested();

// Returns true after the second signal, or one second after SIGTERM. The caller must then stop waiting for
// the messages in flight.
bool stop_at_once();

} // namespace heartbeat::generator
