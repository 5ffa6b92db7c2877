// The reports of a consumer: how a fill ended, notes, troubles, losses, throttling. All texts are UTF-8
// without control characters, without values of the properties file, and cut where a character ends.
#pragma once

#include "kafka/error.h"

#include <cstdint>

namespace heartbeat {

// Something that librdkafka had to say. The level is syslog's (3 error, 4 warning, 6 info, 7 debug).
struct ConsumerNote {
    int level;
    char text[384];
};

// How it was found that what has the topic's name now, or later, is another topic.
struct TopicLoss {
    char topic[256];
    Error reason;
    int32_t partition = -1; // the one whose log was truncated; -1: the topic is another one
    int64_t position = 0;   // how far that was read
    // Where the new log begins: an offset from lowest to highest.
    int64_t lowest = -1; // -1: no message that is remembered is still there
    int64_t highest = 0;
};

// A broker that delays its answers, because of a quota of this client or its user.
struct ConsumerThrottle {
    char broker[128]; // id (host:port)
    int milliseconds; // as it said last
    int left_ms;      // until it is to be taken for over, where the broker does not say it again
};

enum class FillResult {
    drained,       // nothing more is queued
    full,          // the batch is; more may be queued
    trouble,       // an error told by a note: find out what Kafka holds and assign anew before going on
    out_of_memory, // messages were lost on the way: drop the batch and assign the stored positions again
};

// A partition that Kafka reported an error of: it gives no more messages, and waits for consumer_leave().
// Others go on.
struct PartitionTrouble {
    int32_t partition;
    char text[256];
};

} // namespace heartbeat
