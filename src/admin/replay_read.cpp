// Reads the messages of a replay into the batch of a ReplayReader. Like a worker, the session waits on its
// latch and on the descriptor of the consumer client. replay.cpp and replay_removed.cpp call this file.
#include "server/server.h"

#include "admin/kafka_session.h"
#include "admin/replay_read.h"
#include "admin/schema_session.h"
#include "decode/decoder_of_heartbeat.h"
#include "server/clock.h"
#include "server/settings.h"
#include "server/text.h"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

constexpr long look_ms = 1000;
constexpr TimestampTz patience = 30 * USECS_PER_SEC; // the longest wait for the next message

[[noreturn]] void fail(Consumer *consumer, const char *reason) {
    const char *trouble = consumer_trouble(consumer);
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("could not read from Kafka"),
                    errdetail("%s", trouble[0] == '\0' ? reason : text_from_utf8(trouble)),
                    errhint("The replay stored nothing. Call heartbeat_replay() again.")));
}

void take_notes(Consumer *consumer) {
    ConsumerNote note;
    while (consumer_next_note(consumer, &note))
        elog(DEBUG1, "heartbeat: librdkafka: %s", text_from_utf8(note.text));
}

size_t find_piece(const ReplayReader *reader, int32_t partition) {
    return static_cast<size_t>(replay_find_piece(reader, partition) - reader->pieces);
}

// Stores in `reached` the next offset that the session must read from each partition. Pauses each partition
// whose replay piece is read to its end: librdkafka then fetches no more messages of this partition.
void note_reached(ReplayReader *reader) {
    auto *done = static_cast<int32_t *>(palloc(sizeof(int32_t) * reader->batch->partitions.size()));
    size_t count = 0;
    for (const BatchPartition &read : reader->batch->partitions) {
        size_t i = find_piece(reader, read.partition);
        int64_t end = reader->pieces[i].to_offset;
        if (reader->reached[i] < end && read.next_offset >= end)
            done[count++] = read.partition;
        reader->reached[i] = read.next_offset;
    }
    reader->remaining -= count;
    if (count > 0 && reader->remaining > 0)
        consumer_pause(reader->consumer, done, count);
    pfree(done);
}

void wait(Consumer *consumer) {
    int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | WL_TIMEOUT;
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(consumer), look_ms, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

// Assigns the replay pieces to the consumer client, each from the offset that the session has reached.
void assign(ReplayReader *reader) {
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * reader->count));
    size_t count = 0;
    for (size_t i = 0; i < reader->count; i++) {
        const ReplayPiece &piece = reader->pieces[i];
        if (reader->reached[i] < piece.to_offset)
            positions[count++] = {piece.partition, reader->reached[i], {}, piece.to_offset};
    }
    Error error = {};
    if (!consumer_assign(reader->consumer, positions, count, &error))
        kafka_session_refuse(reader->source, error.text);
    pfree(positions);
}

// Loads the schema that the decoder has asked for. The consumer client has dropped the message that needs
// this schema, and all later messages. So this function assigns the replay pieces again.
void load_schema(ReplayReader *reader) {
    schema_session_load(reader->source, reader->decoder);
    reader->needs_schema = false;
    assign(reader);
}

// Reads until the batch is full or all replay pieces are read.
void fill(ReplayReader *reader) {
    MonotonicTime heard_at = monotonic_now();
    while (reader->remaining > 0) {
        CHECK_FOR_INTERRUPTS();
        size_t before = reader->batch->messages.size(), remaining = reader->remaining;
        FillResult result = consumer_fill(reader->consumer, reader->decoder, reader->batch);
        take_notes(reader->consumer);
        if (result == FillResult::trouble)
            fail(reader->consumer, "Kafka reported an error.");
        PartitionTrouble trouble;
        if (consumer_next_trouble(reader->consumer, &trouble))
            fail(reader->consumer,
                 psprintf("Partition %d: %s", trouble.partition, text_from_utf8(trouble.text)));
        if (result == FillResult::out_of_memory)
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        note_reached(reader);
        if (result == FillResult::needs_schema) {
            reader->needs_schema = true;
            if (!reader->batch->empty())
                return;
            load_schema(reader);
            heard_at = monotonic_now();
            continue;
        }
        if (result == FillResult::full || reader->remaining == 0)
            return;
        if (reader->batch->messages.size() > before || reader->remaining < remaining)
            heard_at = monotonic_now();
        if (monotonic_now() > heard_at + patience)
            fail(reader->consumer, psprintf("Kafka has sent nothing for %d seconds.",
                                            static_cast<int>(patience / USECS_PER_SEC)));
        wait(reader->consumer);
    }
}

void destroy_batch(int /*code*/, Datum batch) {
    batch_destroy(reinterpret_cast<Batch *>(DatumGetPointer(batch)));
}

} // namespace

const ReplayPiece *replay_find_piece(const ReplayReader *reader, int32_t partition) {
    return std::lower_bound(
        reader->pieces, reader->pieces + reader->count, partition,
        [](const ReplayPiece &piece, int32_t number) { return piece.partition < number; });
}

void replay_begin(ReplayReader *reader, const ReplayPiece *pieces, size_t count) {
    reader->batch->clear();
    reader->pieces = pieces;
    reader->count = reader->remaining = count;
    reader->reached = static_cast<int64_t *>(palloc(sizeof(int64_t) * count));
    for (size_t i = 0; i < count; i++)
        reader->reached[i] = pieces[i].from_offset;
    assign(reader);
}

bool replay_next(ReplayReader *reader) {
    if (!reader->batch->empty())
        consumer_advance(reader->consumer, reader->batch);
    reader->batch->clear();
    if (reader->needs_schema)
        load_schema(reader);
    fill(reader);
    return !reader->batch->empty();
}

void replay_first_times(const Source &source, Consumer *consumer, const PartitionRange *ranges, size_t count,
                        int64_t *kafka_times) {
    auto *pieces = static_cast<ReplayPiece *>(palloc(sizeof(ReplayPiece) * count));
    for (size_t i = 0; i < count; i++) {
        pieces[i] = {ranges[i].partition, ranges[i].low, ranges[i].low + 1, false, i};
        kafka_times[i] = -1;
    }
    ReplayReader reader = {
        source, consumer, decoder_of_heartbeat(), batch_create(count, SIZE_MAX), nullptr, 0, nullptr,
        0,      false};
    if (reader.batch == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    PG_ENSURE_ERROR_CLEANUP(destroy_batch, PointerGetDatum(reader.batch));
    {
        replay_begin(&reader, pieces, count);
        fill(&reader);
        for (const BatchMessage &message : reader.batch->messages) {
            int32_t partition = reader.batch->partitions[message.partition_index].partition;
            kafka_times[find_piece(&reader, partition)] = message.kafka_time;
        }
    }
    PG_END_ENSURE_ERROR_CLEANUP(destroy_batch, PointerGetDatum(reader.batch));
    batch_destroy(reader.batch);
}

} // namespace heartbeat
