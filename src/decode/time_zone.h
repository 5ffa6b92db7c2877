// The time zone of timestamps without a zone: UTC, a fixed offset, or a zone of the time zone database. A
// mapping contains a time zone, and the mapped decoder uses the zone to convert local times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heartbeat {

// A span of local times with the same offset. Within a span, conversions do not search the time zone
// database.
struct ZoneSpan {
    int64_t begin = 0, end = 0; // local time, microseconds since 1970
    int64_t offset = 0;         // microseconds
};

class TimeZone {
  public:
    // `name` is "UTC", an offset such as +01:00, or a name such as Europe/Berlin. Returns false if the zone
    // does not exist, or if the time zone database lacks clock changes. May throw std::bad_alloc.
    bool set(std::string_view name);

    // Converts a local time in the same way as PostgreSQL. If a clock change skips the local time, the
    // function uses the offset before the change. If a clock change repeats the local time, the function uses
    // the offset after the change. The caller must pass the same *span to all calls with the same zone.
    // Returns false if the function cannot read the time zone database.
    bool to_utc(int64_t local_time, ZoneSpan *span, int64_t *event_time) const noexcept;

    static std::string suggest(std::string_view name); // returns a text for a person, such as a similar name

  private:
    bool set_region(std::string_view name);

    int64_t offset_ = 0;
    const void *region_ = nullptr; // a zone of the database; the zone lives as long as the process
};

} // namespace heartbeat
