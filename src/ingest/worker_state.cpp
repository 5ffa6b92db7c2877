// The `worker` of the process, and its phase. The files worker*.cpp are the steps of the loop in worker.cpp.
// An error of PostgreSQL skips destructors, so no function of these files has a local object that needs its
// destructor. Data that must survive an error is in `worker`.
#include "server/server.h"

#include "ingest/worker_state.h"
#include "monitor/kafka_log.h"
#include "monitor/worker_slot.h"

namespace heartbeat {

Worker worker;

namespace {

constexpr const char *phase_name(WorkerPhase phase) {
    switch (phase) {
    case WorkerPhase::looking:
        return "looking";
    case WorkerPhase::stopped:
        return "stopped";
    case WorkerPhase::failed:
        return "failed";
    case WorkerPhase::paused:
        return "paused";
    case WorkerPhase::assigning:
        return "assigning";
    case WorkerPhase::reading:
        break;
    }
    return "reading";
}

// The same rules as in the table in worker_state.h.
constexpr bool may_follow(WorkerPhase from, WorkerPhase to) {
    switch (to) {
    case WorkerPhase::looking:
        return true;
    case WorkerPhase::stopped:
        return from == WorkerPhase::looking;
    case WorkerPhase::failed:
        return from == WorkerPhase::paused || from == WorkerPhase::assigning || from == WorkerPhase::reading;
    case WorkerPhase::paused:
        return from == WorkerPhase::looking;
    case WorkerPhase::assigning:
        return from == WorkerPhase::looking || from == WorkerPhase::reading;
    case WorkerPhase::reading:
        break;
    }
    return from == WorkerPhase::assigning;
}

} // namespace

void worker_enter(WorkerPhase phase) {
    if (!may_follow(worker.phase, phase))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("heartbeat: phase %s of an ingest worker cannot follow phase %s",
                               phase_name(phase), phase_name(worker.phase))));
    bool assigned = worker.phase == WorkerPhase::reading;
    worker.phase = phase;
    if (phase != WorkerPhase::reading)
        consumer_session_stop(&worker.session, assigned);
}

void worker_close_client() {
    bool assigned = worker.phase == WorkerPhase::reading;
    if (assigned)
        worker.phase = WorkerPhase::assigning; // closing the client also ends its assignment
    consumer_session_close(&worker.session, assigned);
}

void worker_state_report(WorkerState state, const char *reason, const char *hint) {
    if (state == WorkerState::running && worker.slot->state != state)
        kafka_log_tell_folded();
    worker_slot_report(worker.slot, state, reason, hint);
}

long worker_stop(const char *reason, const char *hint) {
    worker_enter(WorkerPhase::stopped);
    worker_state_report(WorkerState::stopped, reason, hint);
    return until_woken;
}

long worker_fail(const char *reason, const char *hint) {
    worker_enter(WorkerPhase::failed);
    worker_state_report(WorkerState::failed, reason, hint);
    return until_woken;
}

} // namespace heartbeat
