// What a batch holds of each message, and how far it takes each Kafka partition. The bytes of a message are
// the batch's: a BatchBytes names a piece of them, and Batch::at() finds it.
#pragma once

#include "decode/classify.h"
#include "decode/decode_error.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

// A piece of the batch's bytes; size -1 stands for no bytes at all (a NULL), which is not an empty piece.
struct BatchBytes {
    size_t position;
    int32_t size;
};

struct BatchMessage {
    uint32_t partition_index; // into Batch::partitions
    DecodeErrorCode error;    // none: the reading's fields hold
    HeartRateClass heart_rate_class;
    bool duplicate; // of an earlier message of this batch, which is the one that is stored
    bool left_out;  // on no list: see leave_out
    int64_t offset;
    int64_t kafka_time;   // milliseconds since 1970, -1 if the message has no timestamp
    int32_t leader_epoch; // -1 if it is not known
    BatchBytes key;
    BatchBytes payload;
    BatchBytes customer_id;
    double heart_rate;
    int64_t event_time; // microseconds since 1970
    BatchBytes error_text;
    char sqlstate[6]; // of a reading that the database refused; empty otherwise

    bool is_reading() const { return error == DecodeErrorCode::none && sqlstate[0] == '\0'; }
};

// How far the batch takes one partition: it holds all of first_offset <= offset < next_offset.
struct BatchPartition {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    int64_t messages;
    int64_t readings;
    int64_t last_offset;     // of its last message that has a Kafka timestamp; -1 if none
    int64_t last_kafka_time; // that message's: milliseconds since 1970, -1 if none
    uint32_t last_message;   // that message's index
    int64_t first_event; // of its readings, where it has any: earliest and latest, microseconds since 1970
    int64_t last_event;
};

} // namespace heartbeat
