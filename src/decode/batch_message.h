// The data that a batch keeps for each message, for each reading, and for each Kafka partition. The batch
// owns the bytes of all texts. A BatchBytes is the place of one text in these bytes, and Batch::at() returns
// a pointer to the text.
#pragma once

#include "decode/decode_error.h"
#include "decode/heart_rate_class.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

// The place of a key, a payload or a text in the batch's bytes. Size -1 stands for a NULL. Size 0 stands for
// an empty text.
struct BatchBytes {
    uint32_t position; // four bytes are enough, because Batch::keep() keeps at most four GiB
    int32_t size;
};

struct BatchHeader {
    BatchBytes name;
    BatchBytes value;
};

struct BatchMessage {
    uint32_t partition_index; // the index into Batch::partitions
    DecodeErrorCode error;    // DecodeErrorCode::none: the decoder found no error
    bool ignored;             // the decoder ignored the message, so the message has no readings
    bool left_out;            // no list contains the readings of the message: see batch_leave_out()
    char sqlstate[6];         // if the database refused the message: the error code; otherwise empty
    int32_t leader_epoch;     // -1: not known
    int64_t offset;
    int64_t kafka_time; // milliseconds since 1970; -1: the message has no timestamp
    BatchBytes key;
    BatchBytes payload;
    BatchBytes error_text;
    uint32_t first_reading, readings; // the index of the first reading, and the number of readings
    uint32_t first_header, headers;   // the index of the first header, and the number of headers

    bool is_dead_letter() const noexcept { return error != DecodeErrorCode::none || sqlstate[0] != '\0'; }
};

// A reading of a message. Two readings have the same identity if they belong to the same table, and have the
// same customer, event time and device.
struct BatchReading {
    uint32_t message; // the index into Batch::messages
    uint32_t first;   // the index of the first reading with this identity, possibly this reading itself
    HeartRateClass heart_rate_class;
    // One of these two members is true if an earlier reading in the batch or in the table has the same
    // primary key. `conflict`: the two readings have different heart rates or different devices. `duplicate`:
    // heart rate and device are the same, or src/store cannot compare the heart rates. Batch::seal() compares
    // the readings of the batch with each other. src/store compares the readings with the table.
    bool duplicate;
    bool conflict;
    // If true, the table already has a reading with the same primary key, but with another device. This is
    // possible in a table partition of heartbeat 1.x, because its primary key does not contain the device.
    bool other_device;
    BatchBytes customer_id;
    BatchBytes device_id;
    double heart_rate;
    double stored_heart_rate; // in a conflict: the heart rate of the earlier reading
    int64_t event_time;       // microseconds since 1970
};

// The sort key of a reading for batch_sort.cpp. Most keys differ in `word` or in `event_time`, so the sort
// rarely reads the texts of the batch.
struct BatchKey {
    // `word` has eight bytes of the customer id: the first eight bytes in which the customer ids of a sort
    // can differ. If all ids begin with "patient-", these are the eight bytes after "patient-".
    uint64_t word;
    int64_t event_time; // microseconds since 1970
    size_t id_size;     // the size of the customer id in bytes
    uint32_t reading;   // the index into Batch::readings
};

// The progress of one Kafka partition: the batch has all messages from `first_offset` to `next_offset` - 1.
struct BatchPartition {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    int64_t messages;        // the number of all messages, including dead letters and ignored messages
    int64_t ignored;         // the number of ignored messages
    int64_t readings;        // the number of readings in all messages
    int64_t last_offset;     // the offset of the last message with a Kafka timestamp; -1: no such message
    int64_t last_kafka_time; // the Kafka time of the message at last_offset: milliseconds since 1970; or -1
    uint32_t last_message;   // the index of the message at last_offset
    // the earliest and the latest event time of all readings, in microseconds since 1970. If `readings` is 0,
    // the two times have no meaning
    int64_t first_event;
    int64_t last_event;
};

} // namespace heartbeat
