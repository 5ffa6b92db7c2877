// Lets an ingest worker sleep. Messages and answers of Kafka wake the worker only if the worker can take them
// now. worker.cpp calls it after each step.
#include "server/server.h"

#include "ingest/worker_sleep.h"
#include "ingest/worker_state.h"
#include "monitor/worker_slot.h"
#include "server/process.h"

extern "C" {
#include "pgstat.h"
}

namespace heartbeat {

void worker_sleep(long milliseconds) {
    if (milliseconds == at_once)
        return;
    worker_slot_doing(worker.slot, WorkerActivity::waiting, milliseconds);
    // messages and answers of Kafka do not wake the worker while it must store its batch first
    const BatchCycle &cycle = worker.session.cycle;
    bool stores_first = batch_cycle_is_sealed(cycle) || cycle.after == AfterBatch::assign_again;
    bool asks = worker.phase == WorkerPhase::paused || worker.phase == WorkerPhase::assigning;
    bool listens = asks || (worker.phase == WorkerPhase::reading && !stores_first);
    if (!listens || worker.session.consumer == nullptr || worker.backoff_ms > 0) {
        process_sleep(milliseconds);
        return;
    }
    pgstat_report_stat(milliseconds < 0 || milliseconds > settings.batch_wait);
    int events =
        WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | (milliseconds >= 0 ? WL_TIMEOUT : 0);
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(worker.session.consumer), milliseconds,
                      process_wait_event(ProcessWait::messages));
    ResetLatch(MyLatch);
}

} // namespace heartbeat
