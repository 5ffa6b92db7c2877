// When the next step of a source reader is due, and the sleep of the worker until then. worker.cpp calls it.
// It does not decide how long a reader waits: the steps do.
#pragma once

#include "ingest/source_reader.h"
#include "kafka/wake_pipe.h"

namespace heartbeat {

int64_t monotonic_now(); // microseconds

// Call it after a step: the next one is due after this number of milliseconds.
void reader_due_after(SourceReader *reader, long milliseconds);

// True if the reader's time has come, or if Kafka has messages or an answer for it that it can take now. The
// caller then makes a step.
bool reader_is_due(SourceReader *reader);

// Milliseconds until the reader's time comes; until_woken: only messages, answers or the latch wake it.
long reader_until_due(const SourceReader &reader);

// Sleeps until the worker's latch is set, Kafka has messages or an answer for a reader, or the time has
// passed; until_woken: without a limit.
void worker_sleep(WorkerSlot *slot, const WakePipe &pipe, long milliseconds);

} // namespace heartbeat
