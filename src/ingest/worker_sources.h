// Loads the sources of an ingest worker, when the worker starts and when a person may have changed the
// sources. worker.cpp calls this file before the steps of the readers. This file does not depend on the
// steps.
#pragma once

#include "ingest/reader_list.h"

namespace heartbeat {

struct WorkerSources {
    ReaderList list;
    Oid extension; // the extension's oid when the sources were last loaded
    bool loaded;
    bool reloaded;          // the configuration was reloaded since the sources were last loaded
    uint64_t seen;          // wake_generation() when the sources were last loaded
    long backoff_ms;        // 0: the last attempt raised no error
    MonotonicTime again_at; // after an error: when to try again
    Failure failure;        // the error of the last attempt
};

// Loads the sources if this is necessary, and opens and closes readers. After an error the readers do not
// change. Unchanged readers are safe, because each reader checks its source for changes before it stores a
// batch.
void worker_sources_look(WorkerSources *sources);

// Call this function after a reload of the configuration.
void worker_sources_reload(WorkerSources *sources);

// Returns the milliseconds until the next attempt, or until_woken.
long worker_sources_until_due(const WorkerSources &sources);

} // namespace heartbeat
