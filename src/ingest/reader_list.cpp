// Opens the source readers of an ingest worker, and closes their clients at the end of the process.
// librdkafka's threads must end before the process runs its exit handlers, because the exit handlers close
// libraries that these threads use.
#include "server/server.h"

#include "decode/decoder_of_heartbeat.h"
#include "ingest/reader_due.h"
#include "ingest/reader_list.h"
#include "monitor/source_slot.h"
#include "monitor/worker_slot.h"
#include "server/kafka_close.h"

extern "C" {
#include "storage/ipc.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

void refuse_memory() {
    ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

SourceReader *open_reader(const ReaderList &list, const Source &source) {
    auto *reader =
        static_cast<SourceReader *>(MemoryContextAllocZero(TopMemoryContext, sizeof(SourceReader)));
    reader->source = source;
    reader->worker = list.slot;
    reader->slot = source_slot_open(*list.slot, source.id, source.name);
    reader->number = static_cast<uint32_t>(source_slot_number(*list.slot, reader->slot));
    ConsumerSession *session = &reader->session;
    snprintf(session->client_id, sizeof(session->client_id), "heartbeat-worker-%d", list.worker);
    session->source = &reader->source;
    session->wake = {list.pipe, reader->number};
    session->assignment.partitions.source = &reader->source;
    session->assignment.partitions.first = partitions_first(source, list.worker, settings.workers);
    session->assignment.partitions.workers = settings.workers;
    session->memory = consumer_memory_create();
    if (session->memory == nullptr ||
        !batch_cycle_create(&session->cycle, &reader->source, decoder_of_heartbeat()))
        refuse_memory();
    return reader;
}

void close_at_exit(int /*code*/, Datum argument) {
    auto *list = reinterpret_cast<ReaderList *>(DatumGetPointer(argument));
    for (int i = 0; i < list->count; i++)
        consumer_session_close(&list->readers[i]->session, false);
    kafka_closing(consumer_close_ms);
}

} // namespace

void reader_list_create(ReaderList *list, WorkerSlot *slot, int worker) {
    list->slot = slot;
    list->worker = worker;
    list->pipe = wake_pipe_create();
    if (list->pipe == nullptr)
        refuse_memory();
    list->readers =
        static_cast<SourceReader **>(MemoryContextAllocZero(TopMemoryContext, sizeof(SourceReader *)));
    list->readers[list->count++] = open_reader(*list, source_default());
    worker_slot_report(slot, WorkerState::running, "", nullptr);
    before_shmem_exit(close_at_exit, PointerGetDatum(list));
}

void reader_list_take_rings(ReaderList *list) {
    bool rung[1] = {};
    list->pipe->take(rung, lengthof(rung));
    for (int i = 0; i < list->count; i++)
        list->readers[i]->rung = list->readers[i]->rung || rung[list->readers[i]->number];
}

void reader_list_begin_again(ReaderList *list) {
    for (int i = 0; i < list->count; i++) {
        list->readers[i]->begins_again = true;
        reader_due_after(list->readers[i], at_once);
    }
}

void reader_list_reload(ReaderList *list) {
    worker_slot_doing(list->slot, WorkerActivity::closing, 0);
    for (int i = 0; i < list->count; i++) {
        SourceReader *reader = list->readers[i];
        reader_close_client(reader);
        reader->source = source_default();
        reader->backoff_ms = 0;
    }
    reader_list_begin_again(list);
}

long reader_list_until_due(const ReaderList &list) {
    long first = until_woken;
    for (int i = 0; i < list.count; i++) {
        long wait = reader_until_due(*list.readers[i]);
        first = wait == until_woken || (first != until_woken && first < wait) ? first : wait;
    }
    return first;
}

} // namespace heartbeat
