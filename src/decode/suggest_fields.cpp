// Proposes heart rates, customers and devices by the names, types and ranges of values. suggest_time.cpp
// proposes times.
#include "decode/suggest_fields.h"

#include "decode/reading.h"
#include "decode/suggest_names.h"
#include "decode/suggest_points.h"

#include <algorithm>

namespace heartbeat {

namespace {

// Heart rates of a living person are from rate_least to rate_most. If the names or another field show that a
// field is a heart rate, it is enough that the range of its values overlaps this range. If nothing shows
// this, all values must be in the narrower range from unnamed_least to unnamed_most.
constexpr double rate_least = 20, rate_most = 300, unnamed_least = 25, unnamed_most = 250;
constexpr int points_when = 4; // another field shows that the value is a heart rate
constexpr int points_key = 3;  // the customer id is the message's key
constexpr int points_weak = 1; // the name does not show whether the id is a customer id, so the key is better
constexpr int points_unnamed = 1;
constexpr int device_points_least = 3;

bool is_numeric(const SampleValues &found) {
    const uint32_t numbers = found.numbers + found.number_texts;
    return numbers > 0 && numbers * 2 >= found.values;
}

std::string field_json(const std::string &place, bool text, const char *unit) {
    if (!text && unit == nullptr)
        return json_quote(place);
    std::string json = R"({"at":)" + json_quote(place);
    if (unit != nullptr)
        json += std::string(R"(,"unit":")") + unit + '"';
    return json + (text ? R"(,"text":true})" : "}");
}

// Finds the unit of a heart rate. *unit is nullptr for beats per minute. Returns false if the numbers are not
// heart rates in any unit.
bool find_unit(const SamplePlace &place, bool named, const char **unit, bool *is_interval) {
    constexpr double interval_least = 0.2, interval_most = 3, hz_most = 6, to_ms = 1000;
    const SampleValues &found = place.found;
    *unit = nullptr;
    *is_interval = points_interval(place.names) > 0;
    if (*is_interval) {
        const bool in_ms = found.most > interval_least * to_ms && found.most < interval_most * to_ms;
        *unit = in_ms ? "rr_ms" : "rr_s";
        return in_ms || (found.most > interval_least && found.most < interval_most);
    }
    if (names_unit_hz(place.names) && found.most <= hz_most) {
        *unit = "hz";
        return true;
    }
    return named ? found.most >= rate_least && found.least <= rate_most
                 : found.least >= unnamed_least && found.most <= unnamed_most;
}

bool add_rate(const SamplePlace &place, int points, bool named, std::vector<ProposedRate> *rates) {
    const char *unit;
    bool is_interval;
    if (!find_unit(place, named, &unit, &is_interval))
        return false;
    const std::string text = sample_place_text(place, place.scope.level);
    rates->push_back({{field_json(text, place.found.number_texts > 0, unit), points, &place},
                      "",
                      {},
                      named,
                      unit != nullptr && std::string_view(unit) == "rr_ms"});
    return true;
}

// Proposes a field such as `value` if another field such as `type` has the text "heart_rate".
void add_explained_rates(const SampleLayout &layout, const SamplePlace &place,
                         std::vector<ProposedRate> *rates) {
    const int points = points_generic_rate(place.names);
    if (points <= 0)
        return;
    for (const SamplePlace &kind : layout.places()) {
        if (&kind == &place || kind.root == SampleRoot::name || kind.found.texts == 0 ||
            !kind.scope.contains(place.scope))
            continue;
        std::vector<std::string> values;
        for (const std::string &example : kind.found.examples)
            if (text_names_heart_rate(example))
                values.push_back(example);
        // outside the list that `place` is in, an index can belong to this list: the condition would then
        // test only the first element of the list
        const int by_index = kind.scope.level < place.scope.level ? points_index(kind) : 0;
        if (values.empty() ||
            !add_rate(place, points + points_when + points_shared(place, kind) - by_index, true, rates))
            continue;
        rates->back().when_place = sample_place_text(kind, place.scope.level);
        rates->back().when_values = std::move(values);
    }
}

bool is_constant(const SampleValues &found) {
    if (found.texts > 0)
        return found.numbers == 0 && found.examples.size() == 1 && !found.many_examples;
    return found.least == found.most;
}

bool can_be_id(const SampleValues &found) {
    if (found.texts > 0)
        return found.longest <= customer_id_max_bytes && found.times * 2 < found.texts;
    return found.integers > 0 && found.integers == found.numbers;
}

// Returns the common prefix of all ids, such as "Patient/" in "Patient/17". The mapping removes this prefix.
std::string strip_of(const SampleValues &found) {
    std::string prefix;
    for (const std::string &example : found.examples) {
        const size_t slash = example.find('/');
        if (slash == example.npos || slash == 0 || slash + 1 == example.size() || example[0] < 'A' ||
            example[0] > 'Z' || (!prefix.empty() && example.substr(0, slash + 1) != prefix))
            return "";
        prefix = example.substr(0, slash + 1);
    }
    return found.many_examples ? "" : prefix;
}

template <typename Points>
std::vector<ProposedField> propose_ids(const SampleLayout &layout, const ProposedRate &rate, int least,
                                       Points points_of) {
    const SamplePlace &rated = *rate.field.place;
    std::vector<ProposedField> ids;
    for (const SamplePlace &place : layout.places()) {
        const int points = points_of(place);
        if (points < least || place.root == SampleRoot::name || &place == &rated ||
            !place.scope.contains(rated.scope) || !can_be_id(place.found))
            continue;
        const std::string text = json_quote(sample_place_text(place, rated.scope.level));
        const std::string strip = strip_of(place.found);
        const int near = points == points_weak ? 0 : place.scope.level + points_shared(rated, place);
        ids.push_back({strip.empty() ? text : R"({"at":)" + text + R"(,"strip":)" + json_quote(strip) + "}",
                       points + near - points_index(place), &place});
    }
    sort_by_points(&ids);
    return ids;
}

bool keys_differ(const SampleLayout &layout) {
    return std::any_of(layout.places().begin(), layout.places().end(), [](const SamplePlace &place) {
        return place.root == SampleRoot::key_text && !is_constant(place.found);
    });
}

bool has_json_key(const SampleLayout &layout) {
    return std::any_of(layout.places().begin(), layout.places().end(),
                       [](const SamplePlace &place) { return place.root == SampleRoot::key; });
}

} // namespace

std::string json_quote(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            quoted += {'\\', c};
        else if (static_cast<unsigned char>(c) < ' ')
            quoted += {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        else
            quoted += c;
    }
    return quoted + '"';
}

std::vector<ProposedRate> propose_rates(const SampleLayout &layout) {
    std::vector<ProposedRate> rates;
    for (const SamplePlace &place : layout.places()) {
        if (place.root != SampleRoot::value || !is_numeric(place.found))
            continue;
        const int interval = points_interval(place.names);
        const int points = interval > 0 ? interval : points_heart_rate(place.names);
        if (points > 0)
            add_rate(place, points - points_index(place), true, &rates);
        else if (points == 0)
            add_rate(place, points_unnamed - points_index(place), false, &rates);
        if (points < points_named)
            add_explained_rates(layout, place, &rates);
    }
    std::stable_sort(rates.begin(), rates.end(), [](const ProposedRate &left, const ProposedRate &right) {
        return left.field.points > right.field.points;
    });
    return rates;
}

std::vector<ProposedField> propose_customers(const SampleLayout &layout, const ProposedRate &rate) {
    const bool json_key = has_json_key(layout), differ = keys_differ(layout);
    return propose_ids(layout, rate, points_weak, [=](const SamplePlace &place) {
        if (place.root == SampleRoot::key_text)
            return json_key ? 0 : points_key;
        const int points = points_customer(place.names);
        // Messages with different keys probably belong to different customers. A value that is the same in
        // all messages is then probably not the customer id
        return differ && is_constant(place.found) ? std::min(points, points_weak) : points;
    });
}

std::vector<ProposedField> propose_devices(const SampleLayout &layout, const ProposedRate &rate) {
    return propose_ids(layout, rate, device_points_least, [](const SamplePlace &place) {
        return place.root == SampleRoot::key_text ? 0 : points_device(place.names);
    });
}

} // namespace heartbeat
