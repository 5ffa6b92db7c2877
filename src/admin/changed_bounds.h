// Finds the range of times that a table partition holds. changed.cpp calls it.
// It reads the catalog alone, never the rows.
#pragma once

#include "server/server.h"

extern "C" {
#include "utils/rel.h"
}

namespace heartbeat {

// Sets `begin` (included) and `end` (excluded): the range of a table partition that is directly below the
// parent and partitioned by ranges of time; otherwise all times.
void changed_bounds(Relation partition, Oid parent, TimestampTz *begin, TimestampTz *end);

} // namespace heartbeat
