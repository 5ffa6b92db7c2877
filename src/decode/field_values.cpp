// The arithmetic of units. A time that is an integer never becomes a double, because a double cannot hold
// every time in nanoseconds. So the time is exact to the microsecond.
#include "decode/field_values.h"

#include <cmath>

namespace heartbeat {

namespace {

constexpr int64_t nanoseconds_per_microsecond = 1000;
constexpr int64_t microseconds_per(TimeUnit unit) {
    return unit == TimeUnit::s ? microseconds_per_second : unit == TimeUnit::ms ? 1000 : 1;
}

// Rounds to the nearest microsecond. The function rounds a half to the even number, as std::rint() rounds a
// double: 1500 and 2500 ns both become 2 us.
template <typename Integer> int64_t rounded_microseconds(Integer nanoseconds) {
    auto microseconds = static_cast<int64_t>(nanoseconds / nanoseconds_per_microsecond);
    auto rest = static_cast<int64_t>(nanoseconds % nanoseconds_per_microsecond);
    if (rest < 0) {
        rest += nanoseconds_per_microsecond;
        microseconds--;
    }
    const bool up = rest * 2 > nanoseconds_per_microsecond ||
                    (rest * 2 == nanoseconds_per_microsecond && microseconds % 2 != 0);
    return microseconds + (up ? 1 : 0);
}

bool real_microseconds(double number, TimeUnit unit, int64_t *microseconds) {
    constexpr double limit = 9.2e18;
    const double scaled = unit == TimeUnit::ns ? number / static_cast<double>(nanoseconds_per_microsecond)
                                               : number * static_cast<double>(microseconds_per(unit));
    if (!(std::fabs(scaled) < limit))
        return false;
    *microseconds = static_cast<int64_t>(std::rint(scaled));
    return true;
}

} // namespace

bool rate_convert(double number, RateUnit unit, double *heart_rate) noexcept {
    constexpr double seconds_per_minute = 60, milliseconds_per_minute = 60'000;
    switch (unit) {
    case RateUnit::bpm:
        *heart_rate = number;
        break;
    case RateUnit::hz:
        *heart_rate = number * seconds_per_minute;
        break;
    case RateUnit::rr_ms:
        *heart_rate = number > 0 ? milliseconds_per_minute / number : NAN;
        break;
    case RateUnit::rr_s:
        *heart_rate = number > 0 ? seconds_per_minute / number : NAN;
        break;
    }
    return std::isfinite(*heart_rate);
}

bool epoch_convert(const ValueNode &number, TimeUnit unit, int64_t *microseconds) noexcept {
    if (number.type == ValueType::real)
        return real_microseconds(number.real, unit, microseconds);
    if (number.type == ValueType::unsigned_integer && unit == TimeUnit::ns) {
        *microseconds = rounded_microseconds(number.unsigned_integer);
        return true;
    }
    if (number.type != ValueType::integer)
        return false;
    if (unit == TimeUnit::ns)
        *microseconds = rounded_microseconds(number.integer);
    else
        return !__builtin_mul_overflow(number.integer, microseconds_per(unit), microseconds);
    return true;
}

bool scaled_convert(const ValueNode &integer, bool of_day, TimestampParts *parts) noexcept {
    *parts = {};
    const bool counts_day = integer.scale() >= TimeScale::day_ms && integer.scale() <= TimeScale::day_ns;
    if (of_day != counts_day)
        return false;
    switch (integer.scale()) {
    case TimeScale::ms:
    case TimeScale::local_ms:
    case TimeScale::day_ms:
        if (!epoch_convert(integer, TimeUnit::ms, &parts->local_time))
            return false;
        break;
    case TimeScale::us:
    case TimeScale::local_us:
    case TimeScale::day_us:
    case TimeScale::instant_us:
        parts->local_time = integer.integer;
        break;
    case TimeScale::ns:
    case TimeScale::local_ns:
    case TimeScale::day_ns:
        if (!epoch_convert(integer, TimeUnit::ns, &parts->local_time))
            return false;
        break;
    case TimeScale::none:
    case TimeScale::days:
        return false;
    }
    parts->has_zone = integer.scale() <= TimeScale::ns || integer.scale() == TimeScale::instant_us;
    if (of_day)
        return parts->local_time >= 0 && parts->local_time < microseconds_per_day;
    return event_time_is_legal(parts->local_time);
}

bool event_time_is_legal(int64_t event_time) noexcept {
    constexpr int64_t day = microseconds_per_day;
    constexpr int64_t year_0_begin = -62167219200 * microseconds_per_second;
    constexpr int64_t year_10000_begin = 253402300800 * microseconds_per_second;
    return event_time >= year_0_begin - day && event_time < year_10000_begin + day;
}

} // namespace heartbeat
