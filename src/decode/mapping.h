// The plan that the compiler makes from a mapping. The plan defines which values of a message become the
// fields of a reading. mapping_compile() makes the plan once from the text of a mapping, and mapped decoders
// use the plan. A plan never changes, so threads can share the plan. docs/sources.md describes the grammar of
// mappings.
#pragma once

#include "decode/json_tree.h"
#include "decode/place.h"
#include "decode/time_zone.h"
#include "decode/timestamp.h"

#include <optional>
#include <string>
#include <vector>

namespace heartbeat {

struct TextField {
    // the decoder joins the values of the places with "/"; an empty list: the mapping does not have the field
    std::vector<Place> places;
    PlaceLevel level = PlaceLevel::message;
    std::string strip;
    std::optional<std::string> fallback;
};

enum class RateUnit : uint8_t { bpm, hz, rr_ms, rr_s };

struct RateField {
    Place place;
    RateUnit unit = RateUnit::bpm;
    bool text = false;
    std::optional<double> fallback; // the default, in the unit `unit`
};

enum class TimeUnit : uint8_t { iso, s, ms, us, ns };

struct TimeField {
    Place place;
    PlaceLevel level = PlaceLevel::message; // the deeper of the two levels of `place` and `date`
    TimeUnit unit = TimeUnit::iso;
    bool names_unit = false; // true: the mapping defines the unit; false: the schema can declare the unit
    bool text = false;
    TimeZone zone;
    std::optional<TimestampParts> fallback;
    std::optional<Place> date;
    std::optional<Place> plus;
    TimeUnit plus_unit = TimeUnit::s;
};

struct Condition {
    Place place;
    // the indexes of values in the mapping's tree: the value at the place must equal one of these values
    std::vector<uint32_t> values;
};

struct Mapping {
    JsonTree source; // owns the values of the conditions
    TextField customer_id, device_id;
    RateField heart_rate;
    TimeField event_timestamp;
    std::vector<Place> each; // none, one or two places
    // when_envelope has the conditions that need only the headers, the Kafka time and the text of the key.
    // when_message has all other conditions on the message. when_outer and when_element have the conditions
    // on the elements.
    std::vector<Condition> when_envelope, when_message, when_outer, when_element;
    size_t slots = 0;         // the number of slots that the places of the mapping use
    bool reads_value = false; // true: the decoder must parse the value of a message
    bool reads_key = false;   // true: the decoder must parse the key of a message
    bool reads_headers = false;
};

} // namespace heartbeat
