// Reads from heartbeat_control whether ingest is paused. The workers call it before they store a batch or do
// maintenance. heartbeat_pause() and heartbeat_resume() write that table.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// Call it in a worker's transaction. It waits for a transaction that is changing heartbeat_control, and makes
// later changes wait until this transaction ends. Returns true if ingest is paused.
bool pause_check();

// Uses its own transaction. Returns true if the maintenance worker must not work: the database was restored
// from a dump and heartbeat_resume() was not called yet, or this server's workers must not ingest
// (tables_wrong_server()).
bool pause_for_maintenance();

} // namespace heartbeat
