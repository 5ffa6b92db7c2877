// Changes the phase of a source reader, and the reader's state in heartbeat_status. The files reader_*.cpp
// have the steps of the reader. An error of PostgreSQL skips destructors, so no function of these files has a
// local object that needs its destructor. Data that must survive an error is in the SourceReader.
#include "server/server.h"

#include "ingest/source_reader.h"
#include "monitor/kafka_log.h"
#include "monitor/source_slot.h"

namespace heartbeat {

namespace {

constexpr const char *phase_name(ReaderPhase phase) {
    switch (phase) {
    case ReaderPhase::looking:
        return "looking";
    case ReaderPhase::stopped:
        return "stopped";
    case ReaderPhase::failed:
        return "failed";
    case ReaderPhase::paused:
        return "paused";
    case ReaderPhase::assigning:
        return "assigning";
    case ReaderPhase::reading:
        return "reading";
    case ReaderPhase::loading:
        break;
    }
    return "loading";
}

// The switch must allow exactly the changes in the table of source_reader.h.
constexpr bool may_follow(ReaderPhase from, ReaderPhase to) {
    switch (to) {
    case ReaderPhase::looking:
        return true;
    case ReaderPhase::stopped:
        return from == ReaderPhase::looking;
    case ReaderPhase::failed:
        return from == ReaderPhase::paused || from == ReaderPhase::assigning ||
               from == ReaderPhase::reading || from == ReaderPhase::loading;
    case ReaderPhase::paused:
        return from == ReaderPhase::looking;
    case ReaderPhase::assigning:
        return from == ReaderPhase::looking || from == ReaderPhase::reading || from == ReaderPhase::loading;
    case ReaderPhase::loading:
        return from == ReaderPhase::reading;
    case ReaderPhase::reading:
        break;
    }
    return from == ReaderPhase::assigning;
}

} // namespace

void reader_enter(SourceReader *reader, ReaderPhase phase) {
    if (!may_follow(reader->phase, phase))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                        errmsg("heartbeat: phase %s of a source reader cannot follow phase %s",
                               phase_name(phase), phase_name(reader->phase))));
    bool assigned = reader->phase == ReaderPhase::reading;
    if (reader->phase == ReaderPhase::loading) {
        schema_request_end(&reader->load.request);
        reader->load.again_at = 0; // the next load does not wait: a person may have corrected the fault
    }
    reader->phase = phase;
    if (phase != ReaderPhase::reading)
        consumer_session_stop(&reader->session, assigned);
}

void reader_close_client(SourceReader *reader, bool retire) {
    bool assigned = reader->phase == ReaderPhase::reading;
    if (assigned)
        reader->phase = ReaderPhase::assigning; // closing the client also ends its assignment
    consumer_session_close(&reader->session, assigned, retire);
}

void reader_report(SourceReader *reader, WorkerState state, const char *reason, const char *hint) {
    if (state == WorkerState::running && reader->slot->shown.state != state)
        kafka_log_tell_folded(*reader->slot);
    source_slot_report(reader->slot, state, reason, hint);
}

long reader_load_again(SourceReader *reader) {
    reader_enter(reader, ReaderPhase::looking);
    reader->is_old = true;
    return until_woken;
}

long reader_stop(SourceReader *reader, const char *reason, const char *hint) {
    reader_enter(reader, ReaderPhase::stopped);
    reader_report(reader, WorkerState::stopped, reason, hint);
    return until_woken;
}

long reader_fail(SourceReader *reader, const char *reason, const char *hint) {
    reader_enter(reader, ReaderPhase::failed);
    reader_report(reader, WorkerState::failed, reason, hint);
    return until_woken;
}

} // namespace heartbeat
