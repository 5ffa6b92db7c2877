// Records the lock for which a process of heartbeat waits. The server reports this lock only in the log,
// while the process waits. After the wait has failed, the server no longer shows the lock. So a hook of the
// log records the lock. worker_start.cpp installs the hook, and failure.cpp reads the lock.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Call it when a process of heartbeat starts. It makes the server report each wait for a lock that takes
// longer than 200 ms, and installs the hook.
void lock_wait_prepare();

// Returns the last lock that this process has waited for since lock_wait_forget().
const AwaitedLock &lock_wait_last();
void lock_wait_forget();

} // namespace heartbeat
