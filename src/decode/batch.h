// The messages that one transaction will store: decoded, sorted and ready to become rows. pipeline.cpp fills
// the batch, and src/store reads it. The batch itself decodes and classifies nothing. A batch owns all of its
// bytes, so the caller can free a Kafka message or a JSON value at once. The public functions here are
// noexcept; batch_filler.h has the functions that may throw.
#pragma once

#include "decode/batch_message.h"
#include "decode/message_mark.h"
#include "decode/message_view.h"
#include "decode/reading.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

inline constexpr int64_t microseconds_per_minute = 60'000'000;

// The start of the minute in which the time lies, in microseconds since 1970.
constexpr int64_t minute_of(int64_t time) noexcept {
    int64_t past = time % microseconds_per_minute;
    return time - (past < 0 ? past + microseconds_per_minute : past);
}

class Batch {
  public:
    bool empty() const noexcept { return partitions.empty(); }
    bool full() const noexcept { return messages.size() >= max_messages || bytes.size() >= max_bytes; }
    const char *at(BatchBytes piece) const noexcept { return bytes.data() + piece.position; }

    void clear() noexcept;

    MessageMark mark(uint32_t index) const noexcept; // the mark of a message, with its checksum

    size_t max_messages;
    size_t max_bytes;
    bool sealed = false;
    std::vector<char> bytes;
    std::vector<BatchMessage> messages; // in arrival order
    std::vector<BatchPartition> partitions;
    // one for each element of `partitions`: consumer_advance() sets them, or leaves the list empty if it
    // cannot
    std::vector<MarkTrail> trails;

    // seal() makes these lists of indexes into `messages`. The readings have the order of the tables' primary
    // key (customer_id, event_time), because inserting in key order saves a third of the time. Each list of
    // readings has each key once.
    std::vector<uint32_t> records;
    std::vector<uint32_t> anomalies;
    std::vector<uint32_t> dead_letters;
    // readings with the same key as an earlier message of this batch: first of `records`, then of
    // `anomalies`, in key order
    std::vector<uint32_t> duplicates;
    std::vector<int64_t> minutes; // starts of the minutes touched, microseconds since 1970, ascending

  protected:
    // batch_create() makes batches, and batch_destroy() destroys them.
    Batch(size_t max_messages, size_t max_bytes) noexcept;
    ~Batch() = default;

    // add_reading() adds a message with its reading. add_dead_letter() adds a message as a dead letter.
    // add_progress() adds no message; it only records that all messages before next_offset have been read.
    // first_offset is the position of the partition before this batch. May throw std::bad_alloc; the message
    // is then not in the batch.
    void add_reading(const MessageView &message, int64_t first_offset, const Reading &reading,
                     HeartRateClass heart_rate_class);
    void add_dead_letter(const MessageView &message, int64_t first_offset, const DecodeError &error);
    void add_progress(int32_t partition, int64_t first_offset, int64_t next_offset);

    // Fills the lists. Call it once, when the batch is complete. May throw std::bad_alloc.
    void seal();
    void unseal() noexcept; // empties the lists

    // Undoes all calls of reject(). May throw std::bad_alloc.
    void restore();
    void reject(uint32_t index, const char *sqlstate, const char *text); // may throw std::bad_alloc

    BatchBytes keep(const void *data, size_t size); // copies bytes into the batch; may throw std::bad_alloc

  private:
    size_t bytes_sealed = 0; // the size of `bytes` when seal() was called
    uint32_t partition_index(int32_t partition, int64_t first_offset);
    // Returns false if the batch or the database has this message already.
    bool begin_message(const MessageView &message, int64_t first_offset, BatchMessage *begun);
    BatchPartition *append(const BatchMessage &message);
    int compare_keys(const BatchMessage &left, const BatchMessage &right) const;
    void refuse(uint32_t index, const char *sqlstate, BatchBytes text);
    void sort_by_key(std::vector<uint32_t> &indexes);
};

// These functions return nullptr or false if no memory is left.

// Makes a batch for max_messages messages. The last message can exceed max_bytes.
Batch *batch_create(size_t max_messages, size_t max_bytes) noexcept;
void batch_destroy(Batch *batch) noexcept;
// Call it before batch_seal(). The message at this offset of this partition counts as read, but the store
// does not store it.
void batch_leave_out(Batch *batch, int32_t partition, int64_t offset) noexcept;
bool batch_seal(Batch *batch) noexcept; // a second call does nothing
// Call it after batch_seal(), if the database refuses this reading. The reading becomes a dead letter. Its
// duplicates become dead letters too, because the database then has no reading that they repeat. Afterwards
// call batch_shorten() to remove the index from the list.
bool batch_reject(Batch *batch, uint32_t index, const char *sqlstate, const char *text) noexcept;
// Keeps only the first `count` indexes of a list: of the list of anomalies if `anomalies` is true, otherwise
// of the list of records.
void batch_shorten(Batch *batch, bool anomalies, size_t count) noexcept;
bool batch_restore(Batch *batch) noexcept; // undoes batch_reject(): the store tries these readings again

} // namespace heartbeat
