// Remembers the lock for which a process of heartbeat waits. After a wait has failed, the server no longer
// shows for which lock the process waited. So this file uses emit_log_hook: when the server logs the wait,
// the hook stores the lock. worker_start.cpp installs the hook, and failure.cpp reads the lock.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Call this function at the start of a process of heartbeat. Installs the hook, and makes the server report
// each wait of more than 200 ms for a lock.
void lock_wait_prepare();

// Returns the lock of this process's latest wait of more than 200 ms. Returns an empty AwaitedLock if the
// process has had no such wait since the last call of lock_wait_forget().
const AwaitedLock &lock_wait_last();
void lock_wait_forget();

} // namespace heartbeat
