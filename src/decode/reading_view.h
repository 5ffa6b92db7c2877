// A reading whose texts belong to its decoder. A decoder makes this view, and the batch copies the texts.
#pragma once

#include <cstdint>
#include <string_view>

namespace heartbeat {

struct ReadingView {
    std::string_view customer_id; // UTF-8
    std::string_view device_id;   // UTF-8; empty if the message contains no device id
    double heart_rate;            // beats per minute
    int64_t event_time;           // microseconds since 1970-01-01 00:00:00 UTC
};

} // namespace heartbeat
