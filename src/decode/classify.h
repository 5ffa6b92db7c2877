// The rule that separates normal heart rates from anomalies. The pipeline, the SQL function
// heartbeat_classify() and the generator's tests call this function. test/t/061_classification.t compares the
// copies of the rule in SQL, a dashboard, the README and a benchmark with it.
#pragma once

#include "decode/heart_rate_class.h"

namespace heartbeat {

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

} // namespace heartbeat
