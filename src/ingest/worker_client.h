// An ingest worker's consumer client: opening it, and replacing it.
#pragma once

#include "ingest/worker_state.h"

namespace heartbeat {

// False: a setting is wrong, and the worker has failed.
bool worker_client_open();

// Closes the client where it has to give way to a new one. True: it is closed.
bool worker_client_replace_useless();

// Closes a client that does not take its assignment. Returns how long to sleep.
long worker_client_replace();

} // namespace heartbeat
