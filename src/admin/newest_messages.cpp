// Reads the messages at the last offsets of each Kafka partition. Transactions and compaction leave offsets
// without a message, so the last offsets can have too few messages. The session then reads earlier offsets in
// a further round.
#include "server/server.h"

#include "admin/kafka_session.h"
#include "admin/newest_messages.h"
#include "server/text.h"

extern "C" {
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

constexpr int limit_s = 10;
constexpr int topic_limit_s = 6; // the part of limit_s in which Kafka must describe the topic
constexpr size_t batch_bytes = size_t{4} << 20;
constexpr long look_ms = 250;
constexpr int64_t further_back = 4; // the factor by which the number of offsets grows from round to round

// The offsets that a round reads from a partition.
struct Piece {
    int32_t partition;
    int64_t low; // the first offset that Kafka holds
    int64_t begin;
    int64_t end;
    bool read; // the session has read the piece to its end, or cannot read the piece
};

struct Pieces {
    Piece *all;
    size_t count;
    size_t unread;
};

[[noreturn]] void refuse(const Source &source, const char *reason) {
    char brokers[256];
    text_copy(brokers, source.brokers);
    ereport(ERROR,
            (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("cannot read topic \"%s\" from Kafka", source.topic),
             errdetail("%s", text_from_utf8(reason)),
             errhint("Check the bootstrap servers (\"%s\"), and call the function again.", brokers)));
}

long left_ms(const NewestMessages *newest) {
    return monotonic_milliseconds(monotonic_now(), newest->deadline);
}

void take_notes(Consumer *consumer) {
    ConsumerNote note;
    while (consumer_next_note(consumer, &note))
        elog(DEBUG1, "heartbeat: librdkafka: %s", text_from_utf8(note.text));
}

// Asks the leader of each partition for the first offset and the end offset. If a leader does not answer,
// `low` of its partitions is -1.
PartitionRange *ask_ranges(NewestMessages *newest, size_t *count) {
    TopicDescription topic = {};
    Error error = {};
    if (!kafka_session_ask(newest->consumer, topic_limit_s, &topic, &error))
        refuse(newest->source, error.text);
    if (!topic.exists)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("topic \"%s\" does not exist in Kafka", newest->source.topic),
                        errhint("Check the name. The function does not create a topic.")));
    *count = static_cast<size_t>(topic.partition_count);
    auto *ranges = static_cast<PartitionRange *>(palloc(sizeof(PartitionRange) * (*count + 1)));
    for (size_t i = 0; i < *count; i++)
        ranges[i] = {static_cast<int32_t>(i), -1, -1};
    // the leaders have half of the remaining time to answer; the session reads messages in the other half
    int patience_ms = static_cast<int>(left_ms(newest) / 2);
    if (!kafka_session_ranges(newest->consumer, ranges, *count, patience_ms, &error) &&
        std::all_of(ranges, ranges + *count, [](const PartitionRange &range) { return range.low < 0; }))
        refuse(newest->source, error.text);
    return ranges;
}

// Divides the wanted messages among the partitions that hold messages. If a partition has fewer messages than
// its share, the function takes more messages from the other partitions.
Pieces first_pieces(PartitionRange *ranges, size_t count, int64_t wanted) {
    std::sort(ranges, ranges + count, [](const PartitionRange &left, const PartitionRange &right) {
        return left.high - left.low < right.high - right.low;
    });
    Pieces pieces = {static_cast<Piece *>(palloc(sizeof(Piece) * (count + 1))), 0, 0};
    for (size_t i = 0; i < count && wanted > 0; i++) {
        const PartitionRange &range = ranges[i];
        if (range.low < 0 || range.low == range.high)
            continue;
        auto others = static_cast<int64_t>(count - i);
        int64_t part = std::min(range.high - range.low, (wanted + others - 1) / others);
        pieces.all[pieces.count++] = {range.partition, range.low, range.high - part, range.high, false};
        wanted -= part;
    }
    return pieces;
}

// Chooses the offsets before the offsets of the previous round. Returns false if there are no such offsets.
bool go_back(Pieces *pieces, int64_t missing) {
    size_t kept = 0;
    for (size_t i = 0; i < pieces->count; i++) {
        Piece piece = pieces->all[i];
        int64_t offsets = std::max(piece.end - piece.begin, missing) * further_back;
        piece.end = piece.begin;
        piece.begin = std::max(piece.low, piece.end - offsets);
        piece.read = false;
        if (piece.begin < piece.end)
            pieces->all[kept++] = piece;
    }
    pieces->count = kept;
    return kept > 0;
}

void begin_round(NewestMessages *newest, Pieces *pieces) {
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * pieces->count));
    for (size_t i = 0; i < pieces->count; i++)
        positions[i] = {pieces->all[i].partition, pieces->all[i].begin, {}, pieces->all[i].end};
    Error error = {};
    newest->batch->clear();
    if (!consumer_assign(newest->consumer, positions, pieces->count, &error))
        refuse(newest->source, error.text);
    pieces->unread = pieces->count;
    pfree(positions);
}

void note_read(Pieces *pieces, int32_t partition, int64_t next_offset) {
    for (size_t i = 0; i < pieces->count; i++) {
        Piece *piece = &pieces->all[i];
        if (piece->partition != partition || piece->read || next_offset < piece->end)
            continue;
        piece->read = true;
        pieces->unread--;
    }
}

// Takes the messages that have arrived, and adds them to the samples. Returns true if the queue may have
// more.
bool take(NewestMessages *newest, Pieces *pieces, const char **trouble) {
    FillResult result =
        consumer_fill(newest->consumer, message_samples_decoder(newest->samples), newest->batch);
    take_notes(newest->consumer);
    if (result == FillResult::out_of_memory)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    for (const BatchPartition &progress : newest->batch->partitions)
        note_read(pieces, progress.partition, progress.next_offset);
    if (!newest->batch->empty())
        consumer_advance(newest->consumer, newest->batch);
    newest->batch->clear();
    PartitionTrouble partition;
    while (consumer_next_trouble(newest->consumer, &partition)) {
        *trouble = psprintf("Partition %d: %s", partition.partition, partition.text);
        note_read(pieces, partition.partition, INT64_MAX);
    }
    if (result == FillResult::trouble) {
        *trouble = pstrdup(consumer_trouble(newest->consumer));
        pieces->unread = 0;
    }
    return result == FillResult::full;
}

void wait(const NewestMessages *newest) {
    int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | WL_TIMEOUT;
    long milliseconds = std::clamp(left_ms(newest), 1L, look_ms);
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(newest->consumer), milliseconds,
                      PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
}

// Reads until all pieces are read to their end, the samples are full, or the deadline has passed.
void read_round(NewestMessages *newest, Pieces *pieces, const char **trouble) {
    begin_round(newest, pieces);
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        bool more = take(newest, pieces, trouble);
        if (pieces->unread == 0 || message_samples_full(newest->samples) || left_ms(newest) <= 0)
            return;
        if (!more)
            wait(newest);
    }
}

void notice(const char *message, const char *detail) {
    ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION), errmsg("%s", message),
                     detail == nullptr ? 0 : errdetail("%s", text_from_utf8(detail))));
}

// Raises an error if the session could read none of the wanted messages. Raises a notice if the session could
// not read some of these messages, or if the topic has no messages.
void explain(const NewestMessages *newest, bool all_read, const char *trouble, size_t silent) {
    size_t count = message_samples_count(newest->samples);
    if (count == 0 && (!all_read || silent > 0))
        refuse(newest->source, trouble != nullptr
                                   ? trouble
                                   : psprintf("Kafka has sent no message within %d seconds.", limit_s));
    if (message_samples_full(newest->samples))
        notice(psprintf("only %zu messages were read: more messages do not fit into %zu MB", count,
                        samples_bytes_max >> 20),
               nullptr);
    else if (count == 0)
        notice(psprintf("topic \"%s\" has no messages", newest->source.topic), nullptr);
    else if (!all_read)
        notice(
            psprintf("only %zu messages were read: no more messages came within %d seconds", count, limit_s),
            trouble);
    if (silent > 0)
        notice(psprintf("no messages of %zu partitions were read: their leaders did not answer", silent),
               nullptr);
}

} // namespace

void newest_messages_read(NewestMessages *newest, size_t wanted) {
    newest->deadline = monotonic_now() + limit_s * USECS_PER_SEC;
    newest->samples = message_samples_create(samples_max, samples_bytes_max);
    newest->batch = batch_create(samples_max, batch_bytes);
    if (newest->samples == nullptr || newest->batch == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    newest->consumer = kafka_session_open(newest->source);
    size_t count;
    PartitionRange *ranges = ask_ranges(newest, &count);
    auto silent = static_cast<size_t>(
        std::count_if(ranges, ranges + count, [](const PartitionRange &range) { return range.low < 0; }));
    Pieces pieces = first_pieces(ranges, count, static_cast<int64_t>(wanted));
    const char *trouble = nullptr;
    bool all_read = true;
    for (bool more = pieces.count > 0; more;) {
        read_round(newest, &pieces, &trouble);
        all_read = pieces.unread == 0 && trouble == nullptr;
        size_t got = message_samples_count(newest->samples);
        more = all_read && got < wanted && !message_samples_full(newest->samples) &&
               go_back(&pieces, static_cast<int64_t>(wanted - got));
    }
    explain(newest, all_read, trouble, silent);
    message_samples_keep_newest(newest->samples, wanted);
}

void newest_messages_close(NewestMessages *newest) {
    Consumer *consumer = newest->consumer;
    newest->consumer = nullptr;
    kafka_session_close(0, PointerGetDatum(consumer));
    batch_destroy(newest->batch);
    message_samples_destroy(newest->samples);
    newest->batch = nullptr;
    newest->samples = nullptr;
}

} // namespace heartbeat
