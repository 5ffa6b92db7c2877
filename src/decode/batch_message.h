// The fields that a batch keeps of each message, and the progress of each Kafka partition. The batch owns the
// bytes of its messages. A BatchBytes says where the batch has a key, a payload or a text, and Batch::at()
// returns its bytes.
#pragma once

#include "decode/decode_error.h"
#include "decode/heart_rate_class.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

// The place of a key, a payload or a text in the batch's bytes. Size -1 stands for a NULL. Size 0 stands for
// an empty text.
struct BatchBytes {
    size_t position;
    int32_t size;
};

struct BatchMessage {
    uint32_t partition_index; // into Batch::partitions
    DecodeErrorCode error;    // DecodeErrorCode::none: the message is a reading, and its fields are valid
    HeartRateClass heart_rate_class;
    // an earlier message of this batch has the same key, and the store stores only the earlier message
    bool duplicate;
    bool left_out; // the message is on no list: see batch_leave_out()
    int64_t offset;
    int64_t kafka_time;   // milliseconds since 1970, -1 if the message has no timestamp
    int32_t leader_epoch; // -1: not known
    BatchBytes key;
    BatchBytes payload;
    BatchBytes customer_id;
    double heart_rate;
    int64_t event_time; // microseconds since 1970
    BatchBytes error_text;
    char sqlstate[6]; // the error of a reading that the database refused; otherwise empty

    bool is_reading() const noexcept { return error == DecodeErrorCode::none && sqlstate[0] == '\0'; }
};

// The progress of one partition: the batch has all messages of first_offset <= offset < next_offset.
struct BatchPartition {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    int64_t messages;
    int64_t readings;
    int64_t last_offset;     // of the last message that has a Kafka timestamp; -1: there is none
    int64_t last_kafka_time; // of that message: milliseconds since 1970; -1: there is none
    uint32_t last_message;   // index of that message
    // earliest and latest event time of the readings, if there are any: microseconds since 1970
    int64_t first_event;
    int64_t last_event;
};

} // namespace heartbeat
