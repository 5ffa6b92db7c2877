// Converts event timestamps between RFC 3339 text and microseconds since 1970-01-01 00:00:00 UTC. The
// decoders and the generator call these functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

inline constexpr int64_t microseconds_per_second = 1'000'000;
inline constexpr int64_t microseconds_per_day = 24 * 60 * 60 * microseconds_per_second;

// "YYYY-MM-DDTHH:MM:SS.ffffffZ"
inline constexpr size_t timestamp_text_size = 27;

// Reads a date YYYY-MM-DD, a separator, a time HH:MM:SS, an optional fraction and an optional zone. The
// separator is `T`, `t` or one space. The fraction begins with `.` or `,`, and can have any length. The
// function rounds the fraction to the nearest microsecond in the same way as PostgreSQL. The zone is `Z`,
// `z`, +HH, +HHMM or +HH:MM, or an offset with `-` instead of `+`. The largest offset is 15:59, as in
// PostgreSQL. A text without a zone is in UTC. The second 60 (a leap second) is legal only without a
// fraction. It becomes the first second of the next minute. For every other text, for example an impossible
// date, the function returns false and does not change *event_time.
bool timestamp_parse(std::string_view text, int64_t *event_time) noexcept;

// The parts of a text: the local time, and the offset from UTC if the text has an offset.
struct TimestampParts {
    int64_t local_time; // microseconds since 1970-01-01 00:00:00 in local time
    int offset_seconds; // the seconds by which local time is ahead of UTC; 0 if `has_zone` is false
    bool has_zone;
};

// Parses the same texts as timestamp_parse(). A space before the zone is also legal. The function also
// parses YYYYMMDDHHMMSS with an optional fraction and zone, as in HL7 messages.
bool timestamp_parse_parts(std::string_view text, TimestampParts *parts) noexcept;

// The first function parses a date (YYYY-MM-DD or YYYYMMDD). The second function parses a time of day
// (HH:MM:SS with an optional fraction and zone).
bool timestamp_parse_date(std::string_view text, int64_t *midnight) noexcept;
bool timestamp_parse_time_of_day(std::string_view text, TimestampParts *parts) noexcept;

// Parses a text that is only an offset: Z, z, +HH, +HHMM or +HH:MM, or an offset with `-` instead of `+`.
bool timestamp_parse_offset(std::string_view text, int *offset_seconds) noexcept;

// Writes exactly timestamp_text_size bytes, without a terminator. The text always has six digits of fraction
// and ends with `Z`. `event_time` must be in the years 0000 to 9999.
void timestamp_format(int64_t event_time, char *text) noexcept;

} // namespace heartbeat
