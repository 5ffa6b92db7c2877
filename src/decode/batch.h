// The messages that one transaction will store, and the decoded and sorted readings of these messages.
// pipeline.cpp fills the batch, and src/store reads the batch. The batch does not decode messages, and does
// not classify readings. A batch owns all of its bytes, so the caller can free a Kafka message or a JSON
// value immediately. The public functions here are noexcept; batch_filler.h has the functions that may throw.
#pragma once

#include "decode/batch_message.h"
#include "decode/message_mark.h"
#include "decode/message_view.h"
#include "decode/reading_view.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

inline constexpr int64_t microseconds_per_minute = 60'000'000;

// `time` is in microseconds since 1970. Returns the start of the minute that contains `time`, in the same
// unit.
constexpr int64_t minute_of(int64_t time) noexcept {
    int64_t past = time % microseconds_per_minute;
    return time - (past < 0 ? past + microseconds_per_minute : past);
}

class Batch {
  public:
    bool empty() const noexcept { return partitions.empty(); }
    // A batch can have more readings and bytes than its limits, because the batch always takes all readings
    // of a message.
    bool full() const noexcept {
        return messages.size() >= max_messages || readings.size() >= max_messages ||
               bytes.size() >= max_bytes;
    }
    // Returns how many messages the caller may take next: at least 1. The function assumes that none of these
    // messages has more readings than the largest message of this batch and the previous batch. So a batch
    // rarely has many more readings than its limit.
    size_t room() const noexcept;
    const char *at(BatchBytes piece) const noexcept { return bytes.data() + piece.position; }
    const BatchMessage &message_of(const BatchReading &reading) const noexcept {
        return messages[reading.message];
    }

    void clear() noexcept;   // empties the batch, but keeps most of the memory
    void release() noexcept; // empties the batch, and frees its memory

    MessageMark mark(uint32_t index) const noexcept; // the mark of `messages[index]`, with a checksum

    size_t max_messages; // the limit for messages and for readings
    size_t max_bytes;
    bool sealed = false;
    std::vector<char> bytes;
    std::vector<BatchMessage> messages; // in arrival order
    std::vector<BatchReading> readings; // in the order of their messages
    std::vector<BatchHeader> headers;   // in the order of their messages
    std::vector<BatchPartition> partitions;
    // one trail for each element of `partitions`. consumer_advance() fills the list. If no memory is left,
    // the list is empty
    std::vector<MarkTrail> trails;

    // seal() fills these lists. `records`, `anomalies` and `repetitions` contain indexes into `readings`. The
    // indexes are in the order of the tables' primary key (customer_id, event_time, device_id). Inserts in
    // this order need a third less time than inserts in the order of arrival. If several readings of one
    // table have the same key, `records` or `anomalies` has only the reading that arrived first.
    std::vector<uint32_t> records;
    std::vector<uint32_t> anomalies;
    // the readings that repeat a key: first the repetitions of `records`, then the repetitions of `anomalies`
    std::vector<uint32_t> repetitions;
    std::vector<uint32_t> dead_letters; // indexes into `messages`
    // the starts of all minutes that have readings: microseconds since 1970, ascending
    std::vector<int64_t> minutes;

  protected:
    // batch_create() makes batches, and batch_destroy() destroys batches.
    Batch(size_t max_messages, size_t max_bytes) noexcept;
    ~Batch() = default;

    // To add a message, first call begin_message(). Then call add_reading() for each reading of the message.
    // Then call one of the functions end_*(). `first_offset` is the offset at which this batch begins in the
    // Kafka partition. begin_message() returns false if the batch or the database has this message already.
    // If begin_message() returns false, do not call add_reading() or end_*() for the message. If any of these
    // functions throws std::bad_alloc, call abandon_message() to remove the added parts of the message.
    bool begin_message(const MessageView &message, int64_t first_offset);
    void add_reading(const ReadingView &reading, HeartRateClass heart_rate_class);
    void end_message();
    void end_ignored();
    void end_dead_letter(const DecodeError &error);
    void abandon_message() noexcept;

    // Adds no message, but notes that the consumer client has read all messages before `next_offset`. May
    // throw std::bad_alloc.
    void add_progress(int32_t partition, int64_t first_offset, int64_t next_offset);

    // Fills the lists. Call this function once, when the batch is complete. May throw std::bad_alloc.
    void seal();
    void unseal() noexcept; // empties the lists

    // restore(), reject() and reject_repetitions() may throw std::bad_alloc.
    void restore(); // undoes all calls of reject(), and seals the batch
    void reject(uint32_t reading, const char *sqlstate, const char *text);
    void reject_repetitions();

    BatchBytes keep(const void *data, size_t size); // copies bytes into the batch; may throw std::bad_alloc

  private:
    uint32_t partition_index(int32_t partition, int64_t first_offset);
    void keep_headers(const MessageView &message);
    BatchBytes keep_id(std::string_view id, BatchBytes BatchReading::*member);
    BatchPartition *append();
    int compare_keys(const BatchReading &left, const BatchReading &right) const;
    void list_readings(const BatchMessage &message);
    void make_keys(const std::vector<uint32_t> &indexes);
    int compare_ids(const BatchKey &left, const BatchKey &right) const; // compares only the customer ids
    int compare_keys(const BatchKey &left, const BatchKey &right) const;
    void sort_by_key(std::vector<uint32_t> &indexes);
    void note_repetition(uint32_t index, uint32_t first);
    void refuse(uint32_t message, const char *sqlstate, BatchBytes text);

    std::vector<BatchKey> keys; // the keys of the list that sort_by_key() sorts
    // all customer ids of `keys` begin with the same bytes: this is the number of these bytes
    size_t common_bytes = 0;

    BatchMessage begun = {};  // the message between begin_message() and end_*()
    size_t most_readings = 1; // the largest number of readings in one message of the previous batch
    size_t most_readings_now = 1;
    size_t bytes_sealed = 0; // the size of `bytes` at the first call of seal()
};

// If no memory is left, the functions below return nullptr or false.

// Makes a batch for at most `max_messages` messages, at most `max_messages` readings, and at most `max_bytes`
// bytes. The consumer client takes several messages from the queue at once, and adds all of them to one
// batch. So a batch can have more readings and bytes than these limits.
Batch *batch_create(size_t max_messages, size_t max_bytes) noexcept;
void batch_destroy(Batch *batch) noexcept;
// Leaves out the message at this offset of this Kafka partition: the message counts as read, but src/store
// does not store the message. Call this function before batch_seal().
void batch_leave_out(Batch *batch, int32_t partition, int64_t offset) noexcept;
bool batch_seal(Batch *batch) noexcept; // a second call does nothing
// Call this function after batch_seal() if the database refuses this reading. The function makes the message
// of the reading a dead letter. The function also makes a dead letter of each message that repeats the
// reading with the same heart rate, because the database would refuse the repetition too. After all calls of
// batch_reject(), call batch_seal_again(): it removes the readings of the new dead letters from the lists. A
// repetition with another heart rate can then become a record or an anomaly.
bool batch_reject(Batch *batch, uint32_t reading, const char *sqlstate, const char *text) noexcept;
// Rejects each message that repeats a reading of a rejected message.
bool batch_reject_repetitions(Batch *batch) noexcept;
bool batch_seal_again(Batch *batch) noexcept; // makes the lists again, without the rejected messages
// Keeps only the first `count` indexes of one list. The list is `anomalies` if the argument `anomalies` is
// true, and `records` if it is false.
void batch_shorten(Batch *batch, bool anomalies, size_t count) noexcept;
bool batch_restore(Batch *batch) noexcept; // undoes all calls of batch_reject()

} // namespace heartbeat
