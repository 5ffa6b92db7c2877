// Guesses from the names in a message whether a value is a heart rate, a time, a customer or a device. The
// more points a path gets, the better its names fit. The points only order the suggestions. These functions
// may throw, so only src/decode includes this header.
#pragma once

#include "decode/name_words.h"

namespace heartbeat {

inline constexpr int points_named = 6; // from this number on, the name alone says what the value is

// 0: the names do not say that the value is a heart rate. Negative: they say that it is something else.
int points_heart_rate(const NamePath &path);
int points_generic_rate(const NamePath &path); // of a name such as `value`, if another field says what it is
int points_interval(const NamePath &path);     // an interval between beats
bool names_unit_hz(const NamePath &path);

int points_time(const NamePath &path);
int points_date(const NamePath &path);
int points_addition(const NamePath &path); // an offset from another time
int points_customer(const NamePath &path);
int points_device(const NamePath &path);

// Whether the name, such as `type`, belongs to a value that says what kind of message this is.
bool names_kind(const NamePath &path);

// Whether a text, such as the type of an event, names the heart rate.
bool text_names_heart_rate(std::string_view text);

} // namespace heartbeat
