// The times that a table partition holds.
#pragma once

#include "server/server.h"

extern "C" {
#include "utils/rel.h"
}

namespace heartbeat {

// From `begin` to before `end`: of a table directly below the parent with a range of times, its range;
// otherwise all times.
void changed_bounds(Relation partition, Oid parent, TimestampTz *begin, TimestampTz *end);

} // namespace heartbeat
