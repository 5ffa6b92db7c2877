// Opens and closes the source readers of an ingest worker, and closes their clients at the end of the
// process. librdkafka's threads must end before the process runs its exit handlers, because the exit handlers
// close libraries that these threads use.
#include "server/server.h"

#include "ingest/reader_due.h"
#include "ingest/reader_list.h"
#include "monitor/moved_partitions.h"
#include "monitor/source_slot.h"
#include "monitor/worker_slot.h"
#include "server/kafka_close.h"

extern "C" {
#include "storage/ipc.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// Returns how long a broker may wait for messages before it answers a fetch request. An idle client sends a
// new request after each answer, and each request names all Kafka partitions of the client. So with many
// sources the requests are large, and a longer wait makes them rarer. With few sources the wait is short: a
// source that begins to read waits for the answer to the current request.
int choose_fetch_wait(size_t sources) {
    return sources <= 20 ? 500 : sources <= 60 ? 1000 : sources <= 150 ? 2000 : 3000;
}

// Returns false if no memory is left. Before the call, `reader` must have a context, a source and a number.
bool prepare_session(const ReaderList &list, SourceReader *reader) {
    ConsumerSession *session = &reader->session;
    snprintf(session->client_id, sizeof(session->client_id), "heartbeat-worker-%d", list.worker);
    session->source = &reader->source;
    session->wake = {list.pipe, reader->number};
    session->fetch_wait_ms = list.fetch_wait_ms;
    session->assignment.suspected_ranges.context = reader->context;
    session->assignment.suspected_logs.context = reader->context;
    KafkaPartitions *partitions = &session->assignment.partitions;
    partitions->context = reader->context;
    partitions->source = &reader->source;
    partitions->worker = list.worker;
    session->memory = consumer_memory_create();
    return session->memory != nullptr && batch_cycle_create(&session->cycle, &reader->source);
}

void free_reader(SourceReader *reader) {
    schema_request_end(&reader->load.request);
    batch_cycle_destroy(&reader->session.cycle);
    consumer_memory_destroy(reader->session.memory);
    source_slot_close(reader->slot);
    MemoryContextDelete(reader->context);
}

// The memory context of the reader is a child of `parent`, so PostgreSQL frees the reader together with
// `parent` if open_reader() raises an error.
SourceReader *make_reader(const ReaderList &list, const ListedSource &listed, MemoryContext parent) {
    MemoryContext context = AllocSetContextCreate(parent, "heartbeat source reader", ALLOCSET_SMALL_SIZES);
    auto *reader = static_cast<SourceReader *>(MemoryContextAllocZero(context, sizeof(SourceReader)));
    reader->context = context;
    reader->source = source_copy(listed.source, context);
    reader->control = listed.control;
    reader->worker = list.slot;
    return reader;
}

// Returns nullptr if shared memory has no room for the source. If the function raises an error, it leaves no
// slot open for the source.
SourceReader *open_reader(const ReaderList &list, const ListedSource &listed) {
    SourceReader *reader = make_reader(list, listed, CurrentMemoryContext);
    reader->slot = source_slot_open(*list.slot, listed.source.id, listed.source.name);
    if (reader->slot == nullptr) {
        MemoryContextDelete(reader->context);
        return nullptr;
    }
    reader->number = static_cast<uint32_t>(source_slot_number(*list.slot, reader->slot));
    if (prepare_session(list, reader)) {
        MemoryContextSetParent(reader->context, TopMemoryContext);
        return reader;
    }
    free_reader(reader);
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

// Keeps a reader. A reader that is STOPPED or FAILED begins again, because a person may have corrected the
// cause. A reader in another phase begins again in three cases: the reader must get a new client, the reader
// has found a change of its source (is_old), or a person has paused or resumed the source. A person can seek
// only in a paused source, so the reader also begins again after each seek.
void keep_reader(SourceReader *reader, const ListedSource &listed, bool renews) {
    bool waits = reader->phase == ReaderPhase::stopped || reader->phase == ReaderPhase::failed;
    if (renews) { // the reader gets a new client
        // first make the copy: if source_copy() raises an error, the reader keeps its source
        Source copy = source_copy(listed.source, reader->context);
        reader_close_client(reader);
        source_free(&reader->source);
        reader->source = copy;
        reader->backoff_ms = 0;
    }
    if (renews || waits || reader->is_old || reader->control != listed.control) {
        reader->begins_again = true;
        reader_due_after(reader, at_once);
    }
    reader->is_old = false;
    reader->control = listed.control;
    reader->source.is_one_of_several = listed.source.is_one_of_several;
}

const ListedSource *find(const ListedSource *sources, size_t count, const SourceReader &reader) {
    const ListedSource *found = std::find_if(sources, sources + count, [&](const ListedSource &listed) {
        return listed.source.id == reader.source.id && listed.source.revision == reader.source.revision;
    });
    return found == sources + count ? nullptr : found;
}

bool has_reader(const ReaderList &list, const Source &source) {
    return std::any_of(list.readers, list.readers + list.count,
                       [&](const SourceReader *reader) { return reader->source.id == source.id; });
}

void close_at_exit(int /*code*/, Datum argument) {
    auto *list = reinterpret_cast<ReaderList *>(DatumGetPointer(argument));
    for (int i = 0; i < list->count; i++)
        consumer_session_close(&list->readers[i]->session, false, false);
    kafka_closing(consumer_close_ms);
}

} // namespace

void reader_list_create(ReaderList *list, WorkerSlot *slot, int worker) {
    auto room = static_cast<size_t>(settings.max_sources);
    list->slot = slot;
    list->worker = worker;
    list->pipe = wake_pipe_create();
    if (list->pipe == nullptr)
        ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("cannot create a pipe")));
    list->readers =
        static_cast<SourceReader **>(MemoryContextAllocZero(TopMemoryContext, sizeof(void *) * room));
    list->rung = static_cast<bool *>(MemoryContextAllocZero(TopMemoryContext, room));
    before_shmem_exit(close_at_exit, PointerGetDatum(list));
}

const Source *reader_list_update(ReaderList *list, const ListedSource *sources, size_t count, bool reloaded) {
    const int fetch_wait_ms = choose_fetch_wait(count);
    const bool renews = reloaded || list->fetch_wait_ms != fetch_wait_ms;
    list->fetch_wait_ms = fetch_wait_ms;
    for (int i = list->count - 1; i >= 0; i--) {
        SourceReader *reader = list->readers[i];
        const ListedSource *listed = find(sources, count, *reader);
        if (listed != nullptr) {
            reader->session.fetch_wait_ms = fetch_wait_ms;
            keep_reader(reader, *listed, renews);
            continue;
        }
        list->readers[i] = list->readers[--list->count];
        reader_close_client(reader, false);
        moved_partitions_forget(reader->source.id, list->worker);
        free_reader(reader);
    }
    for (size_t i = 0; i < count; i++) {
        if (has_reader(*list, sources[i].source))
            continue;
        SourceReader *reader = open_reader(*list, sources[i]);
        if (reader == nullptr)
            return &sources[i].source;
        list->readers[list->count++] = reader;
    }
    return nullptr;
}

void reader_list_take_rings(ReaderList *list) {
    if (!list->pipe->take(list->rung, static_cast<size_t>(settings.max_sources)))
        return;
    for (int i = 0; i < list->count; i++) {
        bool *rung = &list->rung[list->readers[i]->number];
        list->readers[i]->rung = list->readers[i]->rung || *rung;
        *rung = false;
    }
}

void reader_list_take_moves(ReaderList *list) {
    uint64_t generation = moved_partitions_generation();
    if (generation == list->moves_seen)
        return;
    list->moves_seen = generation;
    for (int i = 0; i < list->count; i++) {
        SourceReader *reader = list->readers[i];
        bool moves = moved_partitions_generation_of(reader->source.id) !=
                     reader->session.assignment.partitions.moves_seen;
        if (moves && (reader->phase == ReaderPhase::reading || reader->phase == ReaderPhase::paused))
            reader_due_after(reader, at_once);
    }
}

bool reader_list_is_old(const ReaderList &list) {
    return std::any_of(list.readers, list.readers + list.count,
                       [](const SourceReader *reader) { return reader->is_old; });
}

void reader_list_end_waits(ReaderList *list) {
    for (int i = 0; i < list->count; i++)
        if (list->readers[i]->backoff_ms > 0)
            reader_due_after(list->readers[i], 0);
}

long reader_list_until_due(const ReaderList &list) {
    int64_t first = -1;
    for (int i = 0; i < list.count; i++) {
        int64_t due_at = list.readers[i]->due_at;
        first = due_at < 0 || (first >= 0 && first < due_at) ? first : due_at;
    }
    return milliseconds_until(first);
}

} // namespace heartbeat
