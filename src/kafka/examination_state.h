// How far the examination of one partition's log has come. The consumer client holds one Examination for each
// partition that it reads; examination.cpp and log_search.cpp change it.
#pragma once

#include "decode/message_mark.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

enum class ExaminationStep {
    reading,   // nothing is in doubt
    checking,  // the last consumed message is awaited
    searching, // an older one is, to find one that is the same
    scanning,  // reading on from one that is the same, to the first that is not
    asking,    // the broker is asked where the epoch of the last consumed message ends
    lost,      // the log was found to be another one
};

struct Examination {
    ExaminationStep step = ExaminationStep::reading;
    int64_t certified = 0;       // Connections::now() before reading began where it did
    int32_t broker = -1;         // whose messages they are; -1: not known yet
    int32_t last_epoch = -1;     // of the last message that was taken
    int32_t checked_epoch = -1;  // for which the last consumed message was examined
    uint64_t moved_in = 0;       // Consumer::taking when it was moved: what else that brought is outdated
    MessageMark sought = {};     // the last consumed message
    int64_t next = 0;            // where reading goes on when the log is found to be the same
    int64_t log_end = INT64_MAX; // of a log that ends before `next`
    int64_t agrees = -1;         // highest offset that holds the message that was read
    int64_t differs = INT64_MAX; // lowest offset that holds another one
    std::vector<MessageMark> marks = {}; // in ascending order, while searching
    size_t at = 0;                       // of these: the one that is awaited
    size_t stride = 1;
};

enum class Examined {
    accepted,    // the message is the next one
    passed_over, // it was for the examination, or is outdated
    trouble,     // assign anew
};

// librdkafka 2.1 and newer finds by the leader's epoch that a log was truncated, and ends the partition.
struct EpochEnd {
    int32_t partition;
    int64_t offset;
};

} // namespace heartbeat
