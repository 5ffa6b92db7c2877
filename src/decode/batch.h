// The messages that will be stored by one transaction, decoded, sorted and ready to become rows.
// It owns every byte it shows, so that neither a Kafka message nor a JSON value outlives the fetching.
#pragma once

#include "decode/batch_message.h"
#include "decode/message_mark.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

inline constexpr int64_t microseconds_per_minute = 60'000'000;

// The start of the minute in which the time lies, microseconds since 1970.
constexpr int64_t minute_of(int64_t time) {
    int64_t past = time % microseconds_per_minute;
    return time - (past < 0 ? past + microseconds_per_minute : past);
}

class Batch {
  public:
    // Room for that many messages; the bytes they bring are bounded by max_bytes, give or take one message.
    Batch(size_t max_messages, size_t max_bytes);

    bool empty() const { return partitions.empty(); }
    bool full() const { return messages.size() >= max_messages || bytes.size() >= max_bytes; }
    const char *at(BatchBytes piece) const { return bytes.data() + piece.position; }

    // A message, or the mere fact that everything before next_offset has been seen. first_offset is the
    // position that the partition has had so far. May throw std::bad_alloc; the message is then not in the
    // batch.
    void add_message(int32_t partition, int64_t first_offset, int64_t offset, int64_t kafka_time,
                     const void *key, size_t key_size, const void *payload, size_t payload_size,
                     int32_t leader_epoch = -1);
    void add_progress(int32_t partition, int64_t first_offset, int64_t next_offset);

    // Fills the lists below; call it once, when the batch will grow no more. May throw std::bad_alloc.
    void seal();
    void unseal(); // empties them

    // Before sealing: the message at that offset of that partition counts as read, and is not stored.
    void leave_out(int32_t partition, int64_t offset);

    // Takes back what reject() has done. May throw std::bad_alloc.
    void restore();
    void reject(uint32_t index, const char *sqlstate, const char *text); // may throw std::bad_alloc

    void clear();

    MessageMark mark(uint32_t index) const; // of a message, with its checksum

    BatchBytes keep(const void *data, size_t size); // a copy; may throw std::bad_alloc

    size_t max_messages;
    size_t max_bytes;
    bool sealed = false;
    std::vector<char> bytes;
    std::vector<BatchMessage> messages; // in arrival order
    std::vector<BatchPartition> partitions;
    std::vector<MarkTrail>
        trails; // consumer_advance(): of the same partitions; empty where nothing is remembered

    // Made by seal(): indexes into messages. Readings are in the order of their tables' key, (customer_id,
    // event_time), since inserting in key order saves a third of the time, and hold each key once.
    std::vector<uint32_t> records;
    std::vector<uint32_t> anomalies;
    std::vector<uint32_t> dead_letters;
    std::vector<uint32_t>
        duplicates; // of an earlier message of this batch: of records, then of anomalies, in key order
    std::vector<int64_t> minutes; // starts of the minutes touched, microseconds since 1970, ascending

  private:
    size_t bytes_sealed = 0; // those that seal() found
    uint32_t partition_index(int32_t partition, int64_t first_offset);
    bool decode(const void *payload, size_t size, BatchMessage *message);
    int compare_keys(const BatchMessage &left, const BatchMessage &right) const;
    void refuse(uint32_t index, const char *sqlstate, BatchBytes text);
    void sort_by_key(std::vector<uint32_t> &indexes);
};

// For callers that cannot be thrown at: nullptr or false where memory is out.
Batch *batch_create(size_t max_messages, size_t max_bytes) noexcept;
void batch_destroy(Batch *batch) noexcept;
// The message alone in a partition of that number, for what does not come from Kafka in order.
bool batch_add_alone(Batch *batch, int32_t number, const void *key, size_t key_size, const void *payload,
                     size_t payload_size) noexcept;
void batch_leave_out(Batch *batch, int32_t partition, int64_t offset) noexcept;
bool batch_seal(Batch *batch) noexcept; // a second time does nothing
// After sealing: the database refuses this reading, which becomes a dead letter, and so do its duplicates,
// since there is nothing stored that they would be duplicates of. The caller takes it off its list.
bool batch_reject(Batch *batch, uint32_t index, const char *sqlstate, const char *text) noexcept;
bool batch_restore(Batch *batch) noexcept; // as it was sealed: what was rejected is tried again

} // namespace heartbeat
