// The zone of timestamps whose text has none: UTC, a fixed offset, or a zone of the time zone database. The
// mapping has it, and the mapped decoder converts local times with it.
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
    // "UTC", an offset such as +01:00, or a name such as Europe/Berlin. False: there is no such zone. May
    // throw std::bad_alloc.
    bool set(std::string_view name);

    // A local time that a change of the clock leaves out or repeats becomes the instant that PostgreSQL makes
    // of it: with the offset before a leap forward, and with the offset after a step back. `span` belongs to
    // the caller, and to this zone. False: the database cannot be read.
    bool to_utc(int64_t local_time, ZoneSpan *span, int64_t *event_time) const noexcept;

    static std::string suggest(std::string_view name); // a text for a person about names like this one

  private:
    bool set_region(std::string_view name);

    int64_t offset_ = 0;
    const void *region_ = nullptr; // of the database, which lives as long as the process
};

} // namespace heartbeat
