// Assigns partitions to an ingest worker. The result decides how the worker continues. worker.cpp calls it
// while no partition is assigned. worker_batch.cpp calls it when another partition can be read.
#include "server/server.h"

#include "ingest/worker_assign.h"
#include "ingest/worker_client.h"
#include "monitor/worker_slot.h"

namespace heartbeat {

namespace {

long try_again() {
    worker_state_report(WorkerState::connecting, worker.session.assignment.reason,
                        worker.session.assignment.hint);
    worker_client_replace_useless();
    return reconnect_ms;
}

} // namespace

void worker_assign_report() {
    Assignment *assignment = &worker.session.assignment;
    if (partitions_explain(assignment->partitions, assignment->reason, assignment->hint))
        worker_state_report(WorkerState::connecting, assignment->reason, assignment->hint);
    else if (worker.session.trouble == Trouble::none)
        worker_state_report(WorkerState::running, "", nullptr);
}

long worker_assign_take(AssignmentResult result) {
    switch (result) {
    case AssignmentResult::asking:
        return partitions_until_due(worker.session.assignment.partitions);
    case AssignmentResult::assigned:
        if (worker.phase == WorkerPhase::assigning)
            worker_enter(WorkerPhase::reading);
        worker_assign_report();
        return at_once;
    case AssignmentResult::unavailable:
        worker_state_report(WorkerState::connecting, worker.session.assignment.reason,
                            worker.session.assignment.hint);
        if (worker_client_replace_useless())
            return reconnect_ms;
        return std::min(partitions_until_due(worker.session.assignment.partitions), reconnect_ms);
    case AssignmentResult::outdated:
        worker_close_client();
        return reconnect_ms; // wait, because brokers can disagree about the topic for a time: without this
                             // pause, each of their answers would end a client at once
    case AssignmentResult::uninstalled:
        worker_enter(WorkerPhase::looking);
        return at_once;
    case AssignmentResult::unreachable:
        return try_again();
    case AssignmentResult::failed:
        break;
    }
    return worker_fail(worker.session.assignment.reason, worker.session.assignment.hint);
}

long worker_assign_step() {
    worker_slot_doing(worker.slot, WorkerActivity::assigning, 0);
    return worker_assign_take(consumer_session_assign(&worker.session, worker.slot));
}

} // namespace heartbeat
