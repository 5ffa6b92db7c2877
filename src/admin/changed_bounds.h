// Finds the time range of a table partition. changed.cpp calls this file. This file reads only the catalog,
// never the rows.
#pragma once

#include "server/server.h"

extern "C" {
#include "utils/rel.h"
}

namespace heartbeat {

// Sets `begin` (included) and `end` (excluded) to the bounds of the table partition. Sets `begin` to
// -infinity and `end` to infinity if the table partition is not directly below `parent`, or if its bounds are
// not a time range.
void changed_bounds(Relation partition, Oid parent, TimestampTz *begin, TimestampTz *end);

} // namespace heartbeat
