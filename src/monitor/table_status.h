// What heartbeat's tables say of pause and lag, to somebody who will not wait for a lock.
#pragma once

#include "monitor/worker_stats.h"

namespace heartbeat {

struct Hold {
    TimestampTz since;  // 0: nobody has paused
    const char *reason; // palloc'd
};

// Whether nobody keeps others from reading the table; then nobody does until the transaction ends.
bool table_status_can_read(const char *table);

// With an SPI connection. As heartbeat_control says; where that is locked: nothing.
void table_status_hold(Hold *hold);

// As heartbeat_offsets has the positions; where that is locked, as the workers have.
void table_status_lag(Lag *lag);

} // namespace heartbeat
