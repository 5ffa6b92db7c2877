// Finds the lock that this process waits for. If log_lock_waits is on, the server writes a line about each
// long wait to its log. When the server writes this line, the process is still in the wait queue of the lock.
// At this moment, a hook of the log reads the lock from the queue.
#include "server/server.h"

#include "monitor/lock_wait.h"
#include "monitor/worker_slot.h"

#include <cstring>

extern "C" {
#include "storage/proc.h"
#include "utils/guc.h"
}

namespace heartbeat {

namespace {

// The server logs a wait for a lock after this time. The time must be shorter than every lock_timeout of a
// worker, so that failure_explain() knows the lock when the lock_timeout raises an error.
constexpr char told_after[] = "200ms";

bool wanted_by_others; // true: the administrator has turned on log_lock_waits
AwaitedLock last;
emit_log_hook_type next_log_hook = nullptr;

// Stores the lock that this process waits for. If the administrator has not turned on log_lock_waits, the
// function keeps the line about the wait out of the server's log.
void look(ErrorData *line) {
    // While this function runs, another process can grant the lock to this process. Even then, the pointer
    // `lock` stays valid, because the server keeps each LOCK that a process holds.
    const LOCK *lock = MyProc == nullptr || line->elevel != LOG ? nullptr : MyProc->waitLock;
    if (lock != nullptr) {
        last = {true, lock->tag, MyProc->waitLockMode};
        worker_slot_await(last);
    }
    const char *format = line->message_id;
    bool of_wait = format != nullptr && strncmp(format, "process %d ", 11) == 0;
    if (of_wait && line->elevel == LOG && !wanted_by_others)
        line->output_to_server = false;
}

void look_and_pass_on(ErrorData *line) {
    look(line);
    if (next_log_hook != nullptr)
        next_log_hook(line);
}

} // namespace

void lock_wait_prepare() {
    const char *setting = GetConfigOption("log_lock_waits", true, false);
    wanted_by_others = setting != nullptr && strcmp(setting, "on") == 0;
    next_log_hook = emit_log_hook;
    emit_log_hook = look_and_pass_on;
    SetConfigOption("log_lock_waits", "on", PGC_SUSET, PGC_S_OVERRIDE);
    SetConfigOption("deadlock_timeout", told_after, PGC_SUSET, PGC_S_OVERRIDE);
}

const AwaitedLock &lock_wait_last() {
    return last;
}

void lock_wait_forget() {
    if (last.any)
        worker_slot_await({});
    last = {};
}

} // namespace heartbeat
