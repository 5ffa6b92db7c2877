// The rows that heartbeat_replay() returns: one for each partition, and one for each source that failed.
#pragma once

#include "admin/replay_store.h"
#include "server/subtransaction.h"

extern "C" {
#include "nodes/execnodes.h"
}

namespace heartbeat {

void replay_result_add(ReturnSetInfo *result, const char *source, const ReplayProgress &progress);

// Adds the row of a source that could not be replayed, and raises a warning. A replay of all sources then
// continues with the next source.
void replay_result_add_failure(ReturnSetInfo *result, const char *source, const CaughtError &error);

} // namespace heartbeat
