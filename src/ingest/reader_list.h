// Keeps the list of the source readers of an ingest worker. This file opens a reader for each source, and
// closes the readers of altered and dropped sources. worker.cpp makes the steps of the readers. This file
// does not depend on the steps.
#pragma once

#include "ingest/source_reader.h"
#include "kafka/wake_pipe.h"

namespace heartbeat {

struct ReaderList {
    WorkerSlot *slot;
    int worker;             // the worker's number
    const WakePipe *pipe;   // the pipe of all consumer clients of the process
    SourceReader **readers; // room for heartbeat.max_sources
    bool *rung;             // rung[n]: the client of the reader with number n has written to the pipe
    int count;
    uint64_t moves_seen; // moved_partitions_generation() at the last call of reader_list_take_moves()
    int fetch_wait_ms;   // a setting of all consumer clients: see reader_list_update()
};

// Call this function once, when the worker starts. Raises an error if there is no memory.
void reader_list_create(ReaderList *list, WorkerSlot *slot, int worker);

// Opens, keeps and closes readers, so that the list has a reader for each element of `sources`. Keeps a
// reader if the revision of its source has not changed. But if a person may have changed something else that
// concerns the reader, for example paused the source, the kept reader begins again. After a reload of the
// configuration each kept reader gets a new client, because the content of the properties file may have
// changed. Each kept reader also gets a new client if the number of sources requires another fetch_wait_ms.
// Returns the first source for which shared memory has no room, or nullptr.
const Source *reader_list_update(ReaderList *list, const ListedSource *sources, size_t count, bool reloaded);

// Reads the pipe. Each number in the pipe belongs to a reader for which messages or an answer of Kafka have
// arrived. The function sets SourceReader::rung of these readers.
void reader_list_take_rings(ReaderList *list);

// Call this function in each round of the worker's loop. If a worker has handed over Kafka partitions of a
// source since the last call, and the reader of this source is in the phase `reading` or `paused`, the next
// step of this reader is due now.
void reader_list_take_moves(ReaderList *list);

// Returns true if a reader has found that the worker must load the sources again.
bool reader_list_is_old(const ReaderList &list);

// Makes the next step due now for each reader that waits after an error.
void reader_list_end_waits(ReaderList *list);

// Returns the milliseconds until the first reader is due, or until_woken.
long reader_list_until_due(const ReaderList &list);

} // namespace heartbeat
