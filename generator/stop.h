// Generator: counts SIGINT (Ctrl-C) and SIGTERM. The loops of the generator ask it whether to stop.
#pragma once

namespace heartbeat::generator {

// After this call the process counts SIGINT and SIGTERM. A write to a closed pipe then gives an error, and
// does not end the process.
void stop_install_handlers();

// True after the first signal: send no more messages, and wait for the messages in flight.
bool stop_requested();

// True after the second signal, or one second after SIGTERM: do not wait for the messages in flight.
bool stop_at_once();

} // namespace heartbeat::generator
