// Decides which source readers must make a step. Each reader of the process has a number. If a consumer
// client has messages or an answer for a reader, the client writes the number of this reader to a pipe. All
// consumer clients use the same pipe. A reader makes a step only if its number is in the pipe or its next
// step is due. So an idle reader needs almost no CPU time. A reader takes messages or answers from its client
// only while the reader can use them.
#include "server/server.h"

#include "ingest/reader_due.h"
#include "monitor/worker_slot.h"
#include "server/clock.h"
#include "server/process.h"

extern "C" {
#include "pgstat.h"
}

namespace heartbeat {

namespace {

// Returns true if the reader takes messages or answers of Kafka now: it has a client, and its phase needs
// messages or answers. A reader that must first store its batch takes no messages. After an error a reader
// takes nothing until its next attempt.
bool listens(const SourceReader &reader) {
    const BatchCycle &cycle = reader.session.cycle;
    if (reader.session.consumer == nullptr || reader.backoff_ms > 0)
        return false;
    bool asks = reader.phase == ReaderPhase::paused || reader.phase == ReaderPhase::assigning ||
                reader.phase == ReaderPhase::loading;
    bool stores_first = batch_cycle_is_sealed(cycle) || cycle.after == AfterBatch::assign_again ||
                        cycle.after == AfterBatch::load_schema;
    return asks || (reader.phase == ReaderPhase::reading && !stores_first);
}

} // namespace

void reader_due_after(SourceReader *reader, long milliseconds) {
    reader->due_at = milliseconds < 0 ? -1 : monotonic_now() + milliseconds * INT64CONST(1000);
}

bool reader_is_due(SourceReader *reader, MonotonicTime now) {
    // a reader that takes no messages now loses none: a later step takes the messages from the client
    bool rung = reader->rung && listens(*reader);
    reader->rung = false;
    return rung || (reader->due_at >= 0 && reader->due_at <= now);
}

long milliseconds_until(MonotonicTime due_at) {
    if (due_at < 0)
        return until_woken;
    return monotonic_milliseconds(monotonic_now(), due_at);
}

void worker_sleep(WorkerSlot *slot, const WakePipe &pipe, long milliseconds) {
    if (milliseconds == at_once)
        return;
    worker_slot_doing(slot, WorkerActivity::waiting, milliseconds);
    pgstat_report_stat(milliseconds < 0 || milliseconds > settings.batch_wait);
    int events =
        WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | (milliseconds >= 0 ? WL_TIMEOUT : 0);
    WaitLatchOrSocket(MyLatch, events, pipe.wait_end(), milliseconds,
                      process_wait_event(ProcessWait::messages));
    ResetLatch(MyLatch);
}

} // namespace heartbeat
