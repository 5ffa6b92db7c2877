// Guesses from the names in a message whether a value is a heart rate, a time, a customer or a device. The
// functions give points to the path to a value: many points if the names on the path are clear. The points
// determine the proposed places, and the order of the suggestions. These functions may throw, so only
// src/decode includes this header.
#pragma once

#include "decode/name_words.h"

namespace heartbeat {

// if a name gets at least this number of points, the name alone shows the meaning of the value
inline constexpr int points_named = 6;

// Returns 0 if the names do not show that the value is a heart rate. Returns a negative number if the names
// show that the value is not a heart rate.
int points_heart_rate(const NamePath &path);
// the points of a name such as `value`, if another field shows the meaning of the value
int points_generic_rate(const NamePath &path);
int points_interval(const NamePath &path); // an interval between beats
bool names_unit_hz(const NamePath &path);

int points_time(const NamePath &path);
int points_date(const NamePath &path);
int points_addition(const NamePath &path); // a number that the mapping adds to a time
int points_customer(const NamePath &path);
int points_device(const NamePath &path);

// Returns true if the value with this name, such as `type`, probably shows the kind of the message.
bool names_kind(const NamePath &path);

// Returns whether a text, such as the type of an event, contains a name of the heart rate.
bool text_names_heart_rate(std::string_view text);

} // namespace heartbeat
