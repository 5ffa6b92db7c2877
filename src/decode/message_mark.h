// What is remembered of a consumed message, so that it can be told from another one that Kafka
// holds later at its offset.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

struct MessageMark {
    int64_t offset = -1;       // -1: there is none
    int64_t kafka_time = -1;   // milliseconds since 1970
    int64_t checksum = -1;     // message_checksum(); -1 where it is not known
    int32_t leader_epoch = -1; // of the leader that appended the message; -1 where it is not known
};

// CRC-32 of key and value. A size of -1 is that of none, which is another one than an empty one.
int64_t message_checksum(const void *key, int64_t key_size, const void *payload,
                         int64_t payload_size) noexcept;

// Of two messages at one offset: whether both can be the same one. The leader's epoch is not looked at.
bool mark_agrees(const MessageMark &remembered, const MessageMark &found) noexcept;

inline constexpr size_t trail_marks_max = 16;
inline constexpr size_t trail_text_size = trail_marks_max * 72;

// Marks of one partition in ascending order of their offsets: the older, the further apart.
struct MarkTrail {
    MessageMark marks[trail_marks_max];
    size_t count = 0;

    void add(const MessageMark &mark) noexcept; // the newest; marks at and after its offset are removed
    const MessageMark *find(int64_t offset) const noexcept;
};

// A text of "offset:time:checksum:epoch", separated by spaces, in trail_text_size bytes at most.
void trail_print(const MarkTrail &trail, char *to) noexcept;
MarkTrail trail_parse(const char *text) noexcept; // up to what is not such a text

} // namespace heartbeat
