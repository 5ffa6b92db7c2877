// The `worker` of the process. The files worker*.cpp are the steps of the loop in worker.cpp. An error of
// PostgreSQL skips destructors, so no frame of these files holds an object that needs one. Data that must
// survive an error is in `worker`.
#include "server/server.h"

#include "ingest/worker_state.h"
#include "monitor/kafka_log.h"
#include "monitor/worker_slot.h"

namespace heartbeat {

Worker worker;

void worker_state_report(WorkerState state, const char *reason, const char *hint) {
    if (state == WorkerState::running && worker.slot->state != state)
        kafka_log_tell_folded();
    worker_slot_report(worker.slot, state, reason, hint);
}

long worker_state_rest(WorkerState state, const char *reason, const char *hint) {
    consumer_session_stop(&worker.session);
    worker_state_report(state, reason, hint);
    return until_woken;
}

long worker_state_fail(const char *reason, const char *hint) {
    worker.failed = true;
    return worker_state_rest(WorkerState::failed, reason, hint);
}

} // namespace heartbeat
