// The mark of a consumed message: the fields that show later whether Kafka still holds the same message at
// its offset. The batch makes marks, src/kafka compares them with the log, and src/store saves them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

struct MessageMark {
    int64_t offset = -1;       // -1: there is none
    int64_t kafka_time = -1;   // milliseconds since 1970
    int64_t checksum = -1;     // message_checksum(); -1: not known
    int32_t leader_epoch = -1; // of the leader that appended the message; -1: not known
};

// CRC-32 of key and value. Size -1 is a NULL, whose checksum differs from the checksum of an empty text.
int64_t message_checksum(const void *key, int64_t key_size, const void *payload,
                         int64_t payload_size) noexcept;

// Compares two marks that have the same offset. Returns whether both can be marks of the same message. Does
// not compare the leader epochs.
bool mark_agrees(const MessageMark &remembered, const MessageMark &found) noexcept;

inline constexpr size_t trail_marks_max = 16;
inline constexpr size_t trail_text_size = trail_marks_max * 72;

// Marks of one partition in ascending order of offset. The older the marks, the larger the gaps between them.
struct MarkTrail {
    MessageMark marks[trail_marks_max];
    size_t count = 0;

    // adds the newest mark, and removes marks at and after its offset
    void add(const MessageMark &mark) noexcept;
    const MessageMark *find(int64_t offset) const noexcept;
};

// A text of "offset:time:checksum:epoch", separated by spaces, in trail_text_size bytes at most.
void trail_print(const MarkTrail &trail, char *to) noexcept;
MarkTrail trail_parse(const char *text) noexcept; // stops at the first part that is not of this form

} // namespace heartbeat
