// The source readers of an ingest worker. worker.cpp makes them step, and this file opens and closes them.
// It does not know the steps.
#pragma once

#include "ingest/source_reader.h"
#include "kafka/wake_pipe.h"

namespace heartbeat {

struct ReaderList {
    WorkerSlot *slot;
    int worker;           // the worker's number
    const WakePipe *pipe; // of all consumer clients of the process
    SourceReader **readers;
    int count;
};

// Call it once, when the worker starts. It raises an error if there is no memory.
void reader_list_create(ReaderList *list, WorkerSlot *slot, int worker);

// Takes the numbers of the readers that Kafka has messages or an answer for.
void reader_list_take_rings(ReaderList *list);

// A person may have changed something: each reader forgets what it has found, and makes a step.
void reader_list_begin_again(ReaderList *list);

// The configuration was reloaded: each reader opens a new client, because the properties file may have
// changed under the same name.
void reader_list_reload(ReaderList *list);

// Milliseconds until the first reader is due; until_woken: none is.
long reader_list_until_due(const ReaderList &list);

} // namespace heartbeat
