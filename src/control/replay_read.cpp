// Control wing: reads what a replay is to store. Waiting is on the latch and librdkafka's descriptor, as in a
// worker.
#include "server.h"

#include "control/kafka_session.h"
#include "control/replay_read.h"
#include "settings.h"
#include "text.h"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

constexpr long look_ms = 1000;
constexpr TimestampTz patience = 30 * USECS_PER_SEC; // for the next message

[[noreturn]] void fail(Consumer *consumer, const char *reason) {
    const char *trouble = consumer_trouble(consumer);
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("reading from Kafka failed"),
                    errdetail("%s", trouble[0] == '\0' ? reason : text_from_utf8(trouble)),
                    errhint("Nothing was stored; the replay can be called again.")));
}

void take_notes(Consumer *consumer) {
    ConsumerNote note;
    while (consumer_next_note(consumer, &note))
        elog(DEBUG1, "heartbeat: librdkafka: %s", text_from_utf8(note.text));
}

bool has_reached(const Batch *batch, int64_t offset) {
    return !batch->empty() && batch->partitions[0].next_offset >= offset;
}

void wait(Consumer *consumer) {
    int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | WL_TIMEOUT;
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(consumer), look_ms, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

// Until the batch is full or has reached the offset.
void fill(Consumer *consumer, Batch *batch, int64_t offset) {
    TimestampTz heard_at = GetCurrentTimestamp();
    while (!has_reached(batch, offset)) {
        CHECK_FOR_INTERRUPTS();
        size_t before = batch->messages.size();
        FillResult result = consumer_fill(consumer, batch);
        take_notes(consumer);
        if (result == FillResult::trouble)
            fail(consumer, "Kafka reported an error.");
        if (result == FillResult::out_of_memory)
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        if (result == FillResult::full || has_reached(batch, offset))
            return;
        if (batch->messages.size() > before)
            heard_at = GetCurrentTimestamp();
        if (GetCurrentTimestamp() > heard_at + patience)
            fail(consumer,
                 psprintf("Nothing has come for %d seconds.", static_cast<int>(patience / USECS_PER_SEC)));
        wait(consumer);
    }
}

void assign(Consumer *consumer, int32_t partition, int64_t from, int64_t to) {
    PartitionPosition position = {partition, from, {}, to};
    Problem problem = {};
    if (!consumer_assign(consumer, &position, 1, &problem))
        kafka_session_refuse(problem.text);
}

void destroy_batch(int /*code*/, Datum batch) {
    batch_destroy(reinterpret_cast<Batch *>(DatumGetPointer(batch)));
}

} // namespace

void replay_begin(ReplayReader *reader, const ReplayPiece &piece) {
    reader->batch->clear();
    assign(reader->consumer, piece.partition, piece.from_offset, piece.to_offset);
}

bool replay_next(ReplayReader *reader, const ReplayPiece &piece) {
    bool done = has_reached(reader->batch, piece.to_offset) || piece.from_offset == piece.to_offset;
    if (!reader->batch->empty())
        consumer_advance(reader->consumer, reader->batch);
    reader->batch->clear();
    if (!done)
        fill(reader->consumer, reader->batch, piece.to_offset);
    return !done;
}

int64_t replay_first_time(Consumer *consumer, int32_t partition, const PartitionRange &range) {
    Batch *batch = batch_create(1, 1);
    if (batch == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    volatile int64_t kafka_time = -1;
    PG_ENSURE_ERROR_CLEANUP(destroy_batch, PointerGetDatum(batch));
    {
        assign(consumer, partition, range.low, range.high);
        fill(consumer, batch, range.high);
        if (!batch->messages.empty())
            kafka_time = batch->messages[0].kafka_time;
    }
    PG_END_ENSURE_ERROR_CLEANUP(destroy_batch, PointerGetDatum(batch));
    batch_destroy(batch);
    return kafka_time;
}

} // namespace heartbeat
