// The state of the examination of one partition's log. The consumer client has one Examination for each
// partition that it reads; examination.cpp and log_search.cpp change it.
#pragma once

#include "decode/message_mark.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

enum class ExaminationStep {
    reading,   // no examination is under way
    checking,  // waiting for the last consumed message
    searching, // waiting for an older message, to find one that is the same
    scanning,  // reading on from a message that is the same, to the first one that is not
    asking,    // asking the broker where the epoch of the last consumed message ends
    lost,      // another log has replaced the log that was read
};

struct Examination {
    ExaminationStep step = ExaminationStep::reading;
    int64_t certified = 0;      // Connections::now() when the examination began
    int32_t broker = -1;        // the broker that gives the messages; -1: not known yet
    int32_t last_epoch = -1;    // of the last accepted message
    int32_t checked_epoch = -1; // the epoch for which an examination was last made
    // Consumer::taking at the last log_move(): the other messages of that call are outdated
    uint64_t moved_in = 0;
    MessageMark sought = {};             // the last consumed message
    int64_t next = 0;                    // where reading continues if the log is the same
    int64_t log_end = INT64_MAX;         // the end of the log, if that is before `next`
    int64_t agrees = -1;                 // highest offset that has the same message as before
    int64_t differs = INT64_MAX;         // lowest offset that has another message
    std::vector<MessageMark> marks = {}; // in ascending order, while searching
    size_t at = 0;                       // index of the mark in `marks` that the search waits for
    size_t stride = 1;
};

enum class Examined {
    accepted,    // the message is the next one
    passed_over, // the message was for the examination only, or is outdated
    trouble,     // the caller must assign the partitions again
};

// The broker's answer: the epoch of the last consumed message ends at this offset. librdkafka 2.1 and newer
// asks for it, and stops reading the partition with an error if the log was truncated.
struct EpochEnd {
    int32_t partition;
    int64_t offset;
};

} // namespace heartbeat
