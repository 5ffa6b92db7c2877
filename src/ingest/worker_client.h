// Opens and replaces the consumer client of an ingest worker. The other steps of the worker call it.
// It does not know when partitions are assigned.
#pragma once

#include "ingest/worker_state.h"

namespace heartbeat {

// False: a setting is wrong, and the worker is FAILED.
bool worker_client_open();

// Closes the client if a new one must replace it. True: it is closed.
bool worker_client_replace_useless();

// Closes a client that does not take its assignment. Returns how many milliseconds to sleep.
long worker_client_replace();

} // namespace heartbeat
