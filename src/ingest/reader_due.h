// Decides when the next step of a source reader is due, and lets the worker sleep until then. The files of
// the worker's loop and reader_step.cpp call this file. The steps, and not this file, decide how long a
// reader waits.
#pragma once

#include "ingest/source_reader.h"
#include "kafka/wake_pipe.h"

namespace heartbeat {

// Call this function after a step. The next step is then due after `milliseconds`. If `milliseconds` is
// until_woken, the next step is due only when something wakes the reader.
void reader_due_after(SourceReader *reader, long milliseconds);

// Returns true if the next step of the reader is due. A step is due when its due time has passed, or when
// Kafka has messages or an answer that the reader can take now. `now` is monotonic_now().
bool reader_is_due(SourceReader *reader, MonotonicTime now);

// Returns the milliseconds until `due_at`, which has the form of SourceReader::due_at. If `due_at` is -1, the
// reader waits until something wakes it, and the function returns until_woken.
long milliseconds_until(MonotonicTime due_at);

// Sleeps until the worker's latch is set, Kafka has messages or an answer for a reader, or `milliseconds`
// have passed. If `milliseconds` is until_woken, there is no time limit.
void worker_sleep(WorkerSlot *slot, const WakePipe &pipe, long milliseconds);

} // namespace heartbeat
