// Converts the values of fields. A heart rate in any unit becomes beats per minute. A time since 1970 in any
// unit becomes an event time. The compiler of mappings and the mapped decoder call these functions.
#pragma once

#include "decode/mapping.h"

namespace heartbeat {

// With the units rr_ms and rr_s, `number` is the interval between two heartbeats. Returns false if this
// interval is 0 or less, or if a double cannot hold the result.
bool rate_convert(double number, RateUnit unit, double *heart_rate) noexcept;

// Converts a number in the unit `unit` to microseconds, and rounds to the nearest microsecond. Returns false
// if the result does not fit into 64 bits.
bool epoch_convert(const ValueNode &number, TimeUnit unit, int64_t *microseconds) noexcept;

// Converts an integer to a time. ValueNode::scale is the unit of the integer, and the moment at which the
// integer is 0. This moment must be midnight if `of_day` is true, and the beginning of 1970 if `of_day` is
// false. Returns false if the moment is another one, or if the integer counts whole days, has no scale, or is
// out of range. The result has a time zone only if the schema declares a time since 1970 in UTC.
bool scaled_convert(const ValueNode &integer, bool of_day, TimestampParts *parts) noexcept;

// Returns whether a time is in the years 0000 to 9999, or at most one day outside these years. For example,
// the local time 0000-01-01 00:00 with the offset +02:00 is in the year before 0000 in UTC.
bool event_time_is_legal(int64_t event_time) noexcept;

} // namespace heartbeat
