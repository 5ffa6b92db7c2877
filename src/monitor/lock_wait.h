// Which lock a process of heartbeat waits for. The server tells of a wait in the log alone,
// while it lasts; what can be known of it is taken from there, since nothing is left of it when the wait has
// failed.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// When a process of heartbeat starts: the server is to tell of each wait that takes a moment, and a hook of
// the log looks at each line.
void lock_wait_prepare();

// The lock that this process has waited for since lock_wait_forget().
const AwaitedLock &lock_wait_last();
void lock_wait_forget();

} // namespace heartbeat
