// The reports of a consumer to its caller: the result of consumer_fill(), messages for the server's log,
// errors of partitions, lost topics, partitions whose log was replaced, and throttling. All texts are UTF-8
// without control characters and without values of the properties file. If a text is too long, the client
// cuts the text at the end of a character.
#pragma once

#include "kafka/error.h"

#include <cstdint>

namespace heartbeat {

// A message for the server's log, from librdkafka or from the consumer client. `level` is a level of syslog:
// 3 error, 4 warning, 6 info, 7 debug.
struct ConsumerNote {
    int level;
    char text[384];
};

// A lost topic or log: the topic was deleted or recreated, or another log has replaced the log of a
// partition.
struct TopicLoss {
    char topic[256];
    Error reason;
    int32_t partition = -1; // the partition with another log; -1: the topic was deleted or recreated
    int64_t position = 0;   // the next offset to read in the earlier log
    // The log was truncated to an offset from `lowest` to `highest`. The two are equal if the client knows
    // the exact offset.
    int64_t lowest = -1; // -1: not known, because the log has none of the remembered messages any more
    int64_t highest = 0;
};

// A broker that delays its answers because this client, or the Kafka user of this client, has exceeded a
// quota.
struct ConsumerThrottle {
    char broker[128]; // id (host:port)
    int milliseconds; // the last delay that the broker reported
    int left_ms;      // milliseconds until the throttling ends, if the broker sends no new report
};

enum class FillResult {
    drained, // no more messages are queued
    full,    // the batch is full; more messages may be queued
    // A ConsumerNote describes the error. Before you read more messages, ask which offsets Kafka holds, and
    // assign the partitions again.
    trouble,
    // The decoder does not know the schema of a message. Store the batch, add the schema to the decoder, and
    // assign the partitions again.
    needs_schema,
    out_of_memory, // messages were dropped: drop the batch and assign the stored positions again
};

// A partition for which Kafka has returned an error. The client decodes no more messages of this partition.
// Call consumer_leave() before you call consumer_join() for this partition. The client continues to read the
// other partitions.
struct PartitionTrouble {
    int32_t partition;
    char text[256];
};

} // namespace heartbeat
