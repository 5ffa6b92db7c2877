// Finds the time range of a table partition. changed.cpp calls this file. This file reads only the catalog,
// never the rows.
#pragma once

#include "server/server.h"

extern "C" {
#include "utils/rel.h"
}

namespace heartbeat {

// Sets `begin` (included) and `end` (excluded) to the bounds of the table partition. Two kinds of table
// partitions get -infinity and infinity: a table partition that is not directly below the parent, and a table
// partition whose bounds are not a time range.
void changed_bounds(Relation partition, Oid parent, TimestampTz *begin, TimestampTz *end);

} // namespace heartbeat
