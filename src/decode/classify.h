// The rule that separates normal heart rates from anomalies. The pipeline, the SQL function
// heartbeat_classify() and the generator's tests call classify_heart_rate(). SQL, a dashboard, the README and
// a benchmark have copies of the rule; test/t/061_classification.t compares these copies with
// classify_heart_rate().
#pragma once

#include "decode/heart_rate_class.h"

namespace heartbeat {

// heart_rate: beats per minute. Only a number above 0 and up to 300 is valid. Every other value is invalid,
// also NaN.
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
