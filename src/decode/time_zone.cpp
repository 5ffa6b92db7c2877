// Reads the system's time zone database with Howard Hinnant's date library. Only this file includes the
// library.
#include "decode/time_zone.h"

#include "decode/mapping_fault.h"
#include "decode/timestamp.h"

#include <algorithm>
#include <exception>
#include <vector>

// The library's classes depend on these macros. Debian, Ubuntu and Fedora compile the library with these
// macros, so this file must define the same macros.
#define USE_OS_TZDB 1
#define HAS_STRING_VIEW 1
#define ONLY_C_LOCALE 1
#include <date/tz.h>

namespace heartbeat {

namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

// A clock change never moves the clocks of a zone by more than change_max. So if no clock change is nearer to
// a local time than change_max, the local time has only one possible offset.
constexpr int64_t change_max = int64_t{2} * 86400 * microseconds_per_second;

// The first span of a zone has no begin, and the last span has no end. For these, the library returns times
// that do not fit into 64 bits of microseconds. heartbeat replaces these times by -time_max and time_max.
constexpr int64_t time_max = int64_t{100'000} * 365 * 86400 * microseconds_per_second;

int64_t bounded_microseconds(date::sys_seconds time) {
    constexpr int64_t seconds_max = time_max / microseconds_per_second;
    const int64_t count = time.time_since_epoch().count();
    return std::min(std::max(count, -seconds_max), seconds_max) * microseconds_per_second;
}

// In some time zone databases, the file of a zone contains a list of all clock changes up to 2037. In other
// time zone databases, the list is shorter, and a rule describes the later changes. The library reads only
// the list. So with a short list, the library's results after the last change in the list could be wrong by
// an hour. This function returns true if New York or Berlin has summer time in July 2036, because then the
// lists are long.
bool database_has_lists() {
    using namespace date::literals;
    constexpr date::sys_days summer = 2036_y / 7 / 1;
    return date::locate_zone("America/New_York")->get_info(date::sys_seconds{summer}).save.count() != 0 ||
           date::locate_zone("Europe/Berlin")->get_info(date::sys_seconds{summer}).save.count() != 0;
}

} // namespace

bool TimeZone::set(std::string_view name) {
    offset_ = 0;
    region_ = nullptr;
    if (name == "UTC" || name == "Z")
        return true;
    int offset_seconds = 0;
    if (timestamp_parse_offset(name, &offset_seconds)) {
        offset_ = offset_seconds * microseconds_per_second;
        return true;
    }
    return set_region(name);
}

bool TimeZone::set_region(std::string_view name) {
    try {
        const date::time_zone *const region = date::locate_zone(name);
        (void)region->get_info(date::sys_seconds{}); // this call reads the file of the zone
        if (!database_has_lists())
            return false;
        region_ = region;
        return true;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &) {
        return false;
    }
}

bool TimeZone::to_utc(int64_t local_time, ZoneSpan *span, int64_t *event_time) const noexcept {
    if (region_ == nullptr) {
        *event_time = local_time - offset_;
        return true;
    }
    if (local_time < span->begin || local_time >= span->end) {
        try {
            const auto *region = static_cast<const date::time_zone *>(region_);
            const date::local_time<seconds> local{
                date::floor<seconds>(date::local_time<microseconds>{microseconds{local_time}})};
            const date::local_info info = region->get_info(local);
            const bool second = info.result == date::local_info::ambiguous;
            const date::sys_info &chosen = second ? info.second : info.first;
            span->offset = chosen.offset.count() * microseconds_per_second;
            // the span ends before a clock change is near: for a local time near a clock change, the next
            // call searches again
            span->begin = bounded_microseconds(chosen.begin) + change_max;
            span->end = bounded_microseconds(chosen.end) - change_max;
        } catch (...) {
            return false;
        }
    }
    *event_time = local_time - span->offset;
    return true;
}

std::string TimeZone::suggest(std::string_view name) {
    try {
        std::vector<std::string_view> names = {"UTC"};
        for (const date::time_zone &zone : date::get_tzdb().zones)
            names.push_back(zone.name());
        if (std::find(names.begin(), names.end(), name) != names.end())
            return "this system's time zone database has no lists of changes (it is made with zic -b slim)";
        return mapping_suggest(name, names);
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &) {
        return "this system has no time zone database (package tzdata)";
    }
}

} // namespace heartbeat
