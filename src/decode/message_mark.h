// The mark of a consumed message. With the mark, heartbeat can later check whether Kafka still has the same
// message at the same offset. The batch makes marks. src/kafka compares the marks with the messages in Kafka.
// src/store saves the marks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

struct MessageMark {
    int64_t offset = -1;       // -1: there is no mark
    int64_t kafka_time = -1;   // milliseconds since 1970
    int64_t checksum = -1;     // message_checksum(); -1: not known
    int32_t leader_epoch = -1; // the epoch of the leader that appended the message; -1: not known
};

// Returns the CRC-32 of the two sizes, the key and the value. Size -1 stands for a NULL, so the checksum of a
// NULL differs from the checksum of an empty text.
int64_t message_checksum(const void *key, int64_t key_size, const void *payload,
                         int64_t payload_size) noexcept;

// Compares two marks that have the same offset. Returns whether both marks can belong to the same message.
// The function does not compare the leader epochs.
bool mark_agrees(const MessageMark &remembered, const MessageMark &found) noexcept;

inline constexpr size_t trail_marks_max = 16;
inline constexpr size_t trail_text_size = trail_marks_max * 72;

// The marks of one Kafka partition, in ascending order of their offsets. If the trail is full, add() first
// removes a mark, usually an old mark. So the newest marks are near each other, and old marks are far apart.
struct MarkTrail {
    MessageMark marks[trail_marks_max];
    size_t count = 0;

    // removes marks at and after the offset of `mark`, and adds `mark` as the newest mark
    void add(const MessageMark &mark) noexcept;
    const MessageMark *find(int64_t offset) const noexcept;
};

// Writes each mark as "offset:time:checksum:epoch", and a space between two marks. The text needs at most
// trail_text_size bytes.
void trail_print(const MarkTrail &trail, char *to) noexcept;
// Reads a text of trail_print(), and stops at the first mark that is not valid.
MarkTrail trail_parse(const char *text) noexcept;

} // namespace heartbeat
