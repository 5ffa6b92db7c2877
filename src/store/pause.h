// Whether ingest may go on, as heartbeat_control says.
#pragma once

#include "server/extension.h"

namespace heartbeat {

// In a worker's transaction: waits for a change of heartbeat_control that is under way, keeps further ones
// waiting until the transaction ends, and says whether ingest is paused.
bool pause_check();

// In a transaction of its own: whether maintenance rests too. The database was made by a dump, and nobody has
// said yet that it is complete; or its server is a node of a cluster.
bool pause_for_maintenance();

} // namespace heartbeat
