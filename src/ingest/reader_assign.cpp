// Assigns partitions to a source reader. The result of the assignment decides how the reader continues.
// reader_step.cpp calls this file while no partition is assigned. reader_batch.cpp calls this file when
// another partition has become available.
#include "server/server.h"

#include "ingest/reader_assign.h"
#include "ingest/reader_change.h"
#include "ingest/reader_client.h"
#include "monitor/worker_slot.h"

namespace heartbeat {

namespace {

long try_again(SourceReader *reader) {
    reader_report(reader, WorkerState::connecting, reader->session.assignment.reason,
                  reader->session.assignment.hint);
    reader_client_replace_useless(reader);
    return reconnect_ms;
}

} // namespace

void reader_assign_report(SourceReader *reader) {
    Assignment *assignment = &reader->session.assignment;
    if (partitions_explain(assignment->partitions, assignment->reason, assignment->hint))
        reader_report(reader, WorkerState::connecting, assignment->reason, assignment->hint);
    else if (reader->session.trouble == Trouble::none)
        reader_report(reader, WorkerState::running, "", nullptr);
}

long reader_assign_take(SourceReader *reader, AssignmentResult result) {
    switch (result) {
    case AssignmentResult::asking:
        return partitions_until_due(reader->session.assignment.partitions);
    case AssignmentResult::busy:
        reader_change_is_open(reader, true);
        return reader_change_wait(*reader);
    case AssignmentResult::assigned:
        reader_change_is_open(reader, false);
        if (reader->phase == ReaderPhase::assigning)
            reader_enter(reader, ReaderPhase::reading);
        reader_assign_report(reader);
        return at_once;
    case AssignmentResult::unavailable:
        reader_report(reader, WorkerState::connecting, reader->session.assignment.reason,
                      reader->session.assignment.hint);
        if (reader_client_replace_useless(reader))
            return reconnect_ms;
        return std::min(partitions_until_due(reader->session.assignment.partitions), reconnect_ms);
    case AssignmentResult::suspected:
        reader_report(reader, WorkerState::connecting, reader->session.assignment.reason,
                      reader->session.assignment.hint);
        // suspicion_is_confirmed() returns true only some seconds later. If the reader did not wait here, it
        // would begin to read and stop again many times until then.
        return reconnect_ms;
    case AssignmentResult::outdated:
        reader_close_client(reader);
        // Brokers can disagree about the topic for some time. If the reader did not wait, it would close one
        // client after the other during this time.
        return reconnect_ms;
    case AssignmentResult::uninstalled:
    case AssignmentResult::changed:
        return reader_load_again(reader);
    case AssignmentResult::unreachable:
        return try_again(reader);
    case AssignmentResult::failed:
        break;
    }
    return reader_fail(reader, reader->session.assignment.reason, reader->session.assignment.hint);
}

long reader_assign_step(SourceReader *reader) {
    worker_slot_doing(reader->worker, WorkerActivity::assigning, 0);
    reader->session.assignment.waits_for_change = reader_change_is_shown(reader);
    return reader_assign_take(reader, consumer_session_assign(&reader->session, reader->slot));
}

} // namespace heartbeat
