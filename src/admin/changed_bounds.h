// Finds the time range of a table partition. changed.cpp calls this file. This file reads only the catalog,
// never the rows.
#pragma once

#include "server/server.h"

extern "C" {
#include "utils/rel.h"
}

namespace heartbeat {

// Sets `begin` (included) and `end` (excluded) to the bounds of the table partition. In two cases the
// function sets `begin` to -infinity and `end` to infinity. In the first case, the table partition is not
// directly below the parent. In the second case, the table partition does not have a time range as its
// bounds.
void changed_bounds(Relation partition, Oid parent, TimestampTz *begin, TimestampTz *end);

} // namespace heartbeat
