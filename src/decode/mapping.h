// A mapping as a plan: which values of a message are the fields of a reading. mapping_compile() makes it once
// of the text that a person gave, and mapped decoders follow it. A plan never changes, so threads may share
// it. docs/sources.md describes the grammar.
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
    std::vector<Place> places; // joined by "/"; empty: the mapping does not have the field
    PlaceLevel level = PlaceLevel::message;
    std::string strip;
    std::optional<std::string> fallback;
};

enum class RateUnit : uint8_t { bpm, hz, rr_ms, rr_s };

struct RateField {
    Place place;
    RateUnit unit = RateUnit::bpm;
    bool text = false;
    std::optional<double> fallback; // in the unit
};

enum class TimeUnit : uint8_t { iso, s, ms, us, ns };

struct TimeField {
    Place place;
    PlaceLevel level = PlaceLevel::message; // of `place` and `date`
    TimeUnit unit = TimeUnit::iso;
    bool text = false;
    TimeZone zone;
    std::optional<TimestampParts> fallback;
    std::optional<Place> date;
    std::optional<Place> plus;
    TimeUnit plus_unit = TimeUnit::s;
};

struct Condition {
    Place place;
    std::vector<uint32_t> values; // nodes of the mapping's tree, of which one must be equal
};

struct Mapping {
    JsonTree source; // owns the values of the conditions
    TextField customer_id, device_id;
    RateField heart_rate;
    TimeField event_timestamp;
    std::vector<Place> each; // none, one or two places
    // The conditions that need only key, headers and Kafka time; the other ones of the message; those of the
    // outer elements; those of the elements.
    std::vector<Condition> when_envelope, when_message, when_outer, when_element;
    size_t slots = 0;         // of places
    bool reads_value = false; // whether a message must be parsed at all
    bool reads_key = false;   // the same for its key
    bool reads_headers = false;
};

} // namespace heartbeat
