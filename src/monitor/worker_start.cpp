// Starts a process of heartbeat. The process first takes its slot, and then connects to the database. A
// connection can take a long time. During this time, heartbeat_status already shows the process.
#include "server/server.h"

#include "monitor/lock_wait.h"
#include "monitor/worker_slot.h"
#include "monitor/worker_start.h"
#include "server/process.h"

extern "C" {
#include "storage/ipc.h"
}

namespace heartbeat {

void worker_start(const char *database, WorkerSlot *slot) {
    process_begin();
    if (!worker_slot_claim(slot))
        proc_exit(0);
    process_connect(database);
    if (database != nullptr)
        lock_wait_prepare();
}

} // namespace heartbeat
