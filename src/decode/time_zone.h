// The time zone of timestamps without a zone: UTC, a fixed offset, or a zone of the time zone database. A
// mapping has such a time zone, and the mapped decoder converts local times with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heartbeat {

// A span of local times with one offset, so that most conversions need no search in the database.
struct ZoneSpan {
    int64_t begin = 0, end = 0; // local time, microseconds since 1970
    int64_t offset = 0;         // microseconds
};

class TimeZone {
  public:
    // "UTC", an offset such as +01:00, or a name such as Europe/Berlin. Returns false if there is no such
    // zone. May throw std::bad_alloc.
    bool set(std::string_view name);

    // Converts a local time as PostgreSQL does. If a change of the clock leaves out the local time, the
    // function uses the offset before the change. If a change repeats the local time, the function uses the
    // offset after the change. The caller keeps `span` for this zone from call to call. Returns false if the
    // database cannot be read.
    bool to_utc(int64_t local_time, ZoneSpan *span, int64_t *event_time) const noexcept;

    static std::string suggest(std::string_view name); // a text for a person with a similar name

  private:
    bool set_region(std::string_view name);

    int64_t offset_ = 0;
    const void *region_ = nullptr; // of the database, which lives as long as the process
};

} // namespace heartbeat
