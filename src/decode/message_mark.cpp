// Computes the checksum of a message. Also keeps, prints and parses a trail of marks. The table
// heartbeat_offsets stores checksums and trails, so their form must never change.
#include "decode/message_mark.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <zlib.h>

namespace heartbeat {

namespace {

// Returns the index of the mark that the trail needs least: a mark with near neighbors, far from the newest
// mark. For each mark except the first and the last, cost = (distance between the neighbors) / (distance to
// the newest mark + 1). The trail needs the mark with the lowest cost least.
size_t least_needed(const MarkTrail &trail) {
    const MessageMark *marks = trail.marks;
    size_t best = 1;
    double best_cost = 0;
    for (size_t i = 1; i + 1 < trail.count; i++) {
        auto gap = static_cast<double>(marks[i + 1].offset - marks[i - 1].offset);
        double cost = gap / static_cast<double>(marks[trail.count - 1].offset - marks[i].offset + 1);
        if (i == 1 || cost < best_cost) {
            best = i;
            best_cost = cost;
        }
    }
    return best;
}

} // namespace

int64_t message_checksum(const void *key, int64_t key_size, const void *payload,
                         int64_t payload_size) noexcept {
    unsigned char head[8]; // the two sizes; the lowest byte comes first on every machine
    for (size_t i = 0; i < sizeof(head); i++)
        head[i] = static_cast<unsigned char>((i < 4 ? key_size : payload_size) >> (8 * (i % 4)));
    uLong checksum = crc32_z(0, head, sizeof(head));
    if (key_size > 0)
        checksum = crc32_z(checksum, static_cast<const unsigned char *>(key), static_cast<size_t>(key_size));
    if (payload_size > 0)
        checksum =
            crc32_z(checksum, static_cast<const unsigned char *>(payload), static_cast<size_t>(payload_size));
    return static_cast<int64_t>(checksum & UINT32_MAX);
}

bool mark_agrees(const MessageMark &remembered, const MessageMark &found) noexcept {
    return remembered.kafka_time == found.kafka_time &&
           (remembered.checksum < 0 || found.checksum < 0 || remembered.checksum == found.checksum);
}

void MarkTrail::add(const MessageMark &mark) noexcept {
    while (count > 0 && marks[count - 1].offset >= mark.offset)
        count--;
    if (count == trail_marks_max) {
        size_t removed = least_needed(*this);
        std::copy(marks + removed + 1, marks + count, marks + removed);
        count--;
    }
    marks[count++] = mark;
}

const MessageMark *MarkTrail::find(int64_t offset) const noexcept {
    for (size_t i = count; i-- > 0;)
        if (marks[i].offset == offset)
            return &marks[i];
    return nullptr;
}

void trail_print(const MarkTrail &trail, char *to) noexcept {
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < trail.count; i++) {
        const MessageMark &mark = trail.marks[i];
        used += static_cast<size_t>(
            snprintf(to + used, trail_text_size - used, "%s%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId32,
                     i == 0 ? "" : " ", mark.offset, mark.kafka_time, mark.checksum, mark.leader_epoch));
    }
}

MarkTrail trail_parse(const char *text) noexcept {
    MarkTrail trail;
    while (trail.count < trail_marks_max) {
        int64_t values[4];
        for (size_t i = 0; i < 4; i++) {
            char *end;
            values[i] = strtoll(text, &end, 10);
            if (end == text || (i < 3 && *end != ':'))
                return trail;
            text = i < 3 ? end + 1 : end;
        }
        bool ascending = trail.count == 0 || values[0] > trail.marks[trail.count - 1].offset;
        if (values[0] < 0 || !ascending || values[3] < -1 || values[3] > INT32_MAX)
            return trail;
        trail.marks[trail.count++] = {values[0], values[1], values[2], static_cast<int32_t>(values[3])};
    }
    return trail;
}

} // namespace heartbeat
