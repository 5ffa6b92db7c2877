// The state of the examination of one partition's log. The consumer client has one Examination for each
// partition that it reads. examination.cpp and log_search.cpp change this object.
#pragma once

#include "decode/message_mark.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

enum class ExaminationStep {
    reading,   // no examination is under way
    checking,  // the examination waits for the last consumed message
    searching, // the search goes back: it compares the log with the messages that the client remembers
    scanning,  // the log still has one of these messages; the search reads forward to the first other message
    asking,    // the search asks the broker where the epoch of the last consumed message ends
    lost,      // another log has replaced the log that the client has read
};

struct Examination {
    ExaminationStep step = ExaminationStep::reading;
    bool heard = false; // librdkafka has delivered a message or the end of the partition since the assignment
    int64_t certified = 0;      // the value of Connections::now(), a counter, when the examination began
    int32_t broker = -1;        // the broker that sends the messages; -1: not known yet
    int32_t last_epoch = -1;    // the leader epoch of the last accepted message
    int32_t checked_epoch = -1; // the last new leader epoch that caused an examination
    // The value of Consumer::taking at the last log_move(). Each call of Consumer::take_messages() takes
    // several messages. After a log_move() for one of these messages, the examination skips the later ones,
    // because librdkafka queued them before the move.
    uint64_t moved_in = 0;
    MessageMark sought = {};             // the last consumed message
    int64_t next = 0;                    // where the client continues to read if the log is the same
    int64_t log_end = INT64_MAX;         // the end of the log, if the log ends before `next`
    int64_t agrees = -1;                 // highest offset at which the log still has the remembered message
    int64_t differs = INT64_MAX;         // lowest offset at which the log has another message
    std::vector<MessageMark> marks = {}; // the marks that a search compares, in ascending order of offset
    size_t at = 0;                       // index of the mark in `marks` that the search waits for
    size_t stride = 1;
};

enum class Examined {
    accepted,    // the message is the next message to decode
    passed_over, // skip the message: only the examination needed it, or the message is outdated
    trouble,     // the caller must assign the partitions again
};

// An answer of the broker: the epoch of the last consumed message ends at this offset. librdkafka 2.1 and
// newer asks the broker for this offset. If the log was truncated, librdkafka reports an error and consumes
// no more messages of the partition.
struct EpochEnd {
    int32_t partition;
    int64_t offset;
};

} // namespace heartbeat
