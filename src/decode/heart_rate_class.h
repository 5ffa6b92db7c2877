// The classes of heart rates, and their names. The files that store, count or show a reading's class include
// this header. Only classify.h chooses the class of a heart rate.
#pragma once

#include <cstdint>

namespace heartbeat {

enum class HeartRateClass : uint8_t { normal, bradycardia, tachycardia, invalid };
inline constexpr int heart_rate_classes = 4;

// The name of a class in tables and views.
constexpr const char *heart_rate_class_name(HeartRateClass heart_rate_class) noexcept {
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
