// The rule that separates normal heart rates from anomalies. The batch, the SQL function heartbeat_classify()
// and the generator's tests call this function. test/t/061_classification.t compares the copies of the rule
// in SQL, a dashboard, the README and a benchmark with it.
#pragma once

#include <cstdint>

namespace heartbeat {

enum class HeartRateClass : uint8_t { normal, bradycardia, tachycardia, invalid };
inline constexpr int heart_rate_classes = 4;

// heart_rate: beats per minute. Anything that is not a number above 0 and up to 300 is invalid, NaN included.
constexpr HeartRateClass classify_heart_rate(double heart_rate) noexcept {
    if (!(heart_rate > 0 && heart_rate <= 300))
        return HeartRateClass::invalid;
    if (heart_rate < 40)
        return HeartRateClass::bradycardia;
    if (heart_rate > 180)
        return HeartRateClass::tachycardia;
    return HeartRateClass::normal;
}

// The name as tables and views show it.
constexpr const char *classify_name(HeartRateClass heart_rate_class) noexcept {
    switch (heart_rate_class) {
    case HeartRateClass::normal:
        return "NORMAL";
    case HeartRateClass::bradycardia:
        return "BRADYCARDIA";
    case HeartRateClass::tachycardia:
        return "TACHYCARDIA";
    case HeartRateClass::invalid:
        break;
    }
    return "INVALID";
}

} // namespace heartbeat
