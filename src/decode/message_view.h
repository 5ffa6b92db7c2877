// A view of one Kafka message. consumer_fill.cpp makes it of librdkafka's message, and retry_letters.cpp of a
// dead letter. Decoders read it, and the batch copies it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

// data == nullptr stands for a NULL, which differs from an empty piece.
struct MessageBytes {
    const void *data = nullptr;
    size_t size = 0;
};

// It owns no bytes, so it is valid only as long as the message.
struct MessageView {
    int32_t partition = 0;
    int64_t offset = 0;
    int64_t kafka_time = -1;   // milliseconds since 1970, -1 if the message has no timestamp
    int32_t leader_epoch = -1; // -1: not known
    MessageBytes key = {};
    MessageBytes payload = {}; // NULL: the message is a tombstone
};

} // namespace heartbeat
