// Which lock a process of heartbeat waits for. The server tells of a wait in the log alone,
// while it lasts; what can be known of it is taken from there, since nothing is left of it when the wait has
// failed.
#pragma once

#include "monitor/shared_state.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

// When a process of heartbeat starts: the server is to tell of each wait that takes a moment.
void lock_wait_prepare();

// From the hook of the log, with each line. A line about a wait is left out unless the server's own setting
// asks for it.
void lock_wait_look(ErrorData *line);

// The lock that this process has waited for since lock_wait_forget().
const AwaitedLock &lock_wait_last();
void lock_wait_forget();

} // namespace heartbeat
