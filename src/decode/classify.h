// The rule that separates normal heart rates from anomalies. The pipeline, the SQL function
// heartbeat_classify() and the generator's tests call classify_heart_rate(). The constraints of the tables, a
// dashboard, the README and a benchmark have copies of the rule. The test test/t/061_classification.t
// compares these copies with classify_heart_rate().
#pragma once

#include "decode/heart_rate_class.h"

namespace heartbeat {

// heart_rate: beats per minute. A valid number is greater than 0 and at most 300. Every other value is
// invalid, also NaN.
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
