// Opens and replaces the consumer client of an ingest worker. The other steps of the worker call this file.
// It does not depend on when the worker assigns partitions.
#pragma once

#include "ingest/worker_state.h"

namespace heartbeat {

// Returns false if a setting is wrong; the worker is then FAILED.
bool worker_client_open();

// Closes the client if a new client must replace it. Returns true if it has closed the client.
bool worker_client_replace_useless();

// Closes a client that does not begin to read its assigned partitions. Returns how many milliseconds to
// sleep.
long worker_client_replace();

} // namespace heartbeat
