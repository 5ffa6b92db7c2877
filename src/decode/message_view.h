// A view of one Kafka message. consumer_fill.cpp makes views of messages from librdkafka, and
// retry_letters.cpp makes views of dead letters. Decoders read the view, and the batch copies the bytes of
// the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

// data == nullptr stands for a NULL. Size 0 with another pointer stands for an empty text.
struct MessageBytes {
    const void *data = nullptr;
    size_t size = 0;
};

struct MessageHeader {
    std::string_view name;
    MessageBytes value;
};

class HeaderReader; // header_reader.h

// The view owns no bytes, so the view is valid only as long as the message exists.
struct MessageView {
    int32_t partition = 0;
    int64_t offset = 0;
    int64_t kafka_time = -1;   // milliseconds since 1970; -1: the message has no timestamp
    int32_t leader_epoch = -1; // -1: not known
    MessageBytes key = {};
    MessageBytes payload = {}; // NULL: the message is a tombstone
    const MessageHeader *headers = nullptr;
    size_t header_count = 0;
    const HeaderReader *unread_headers = nullptr; // nullptr: `headers` has all headers
};

} // namespace heartbeat
