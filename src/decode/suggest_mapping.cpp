// Writes a mapping as JSON. Finds a condition that is true only for the messages that the mapping reads.
#include "decode/suggest_mapping.h"

#include "decode/suggest_names.h"

#include <algorithm>
#include <set>

namespace heartbeat {

namespace {

std::string json_list(const std::vector<std::string> &texts) {
    std::string list;
    for (const std::string &text : texts)
        list += (list.empty() ? "" : ", ") + json_quote(text);
    return texts.size() == 1 ? list : "[" + list + "]";
}

// Returns the texts of this place in the messages that the mapping reads. Returns an empty list if a message
// that the mapping does not read has one of these texts. Also returns an empty list if a message that the
// mapping reads has no text at this place.
std::vector<std::string> values_of_read(const SamplePlace &place, const SampleLayout &layout,
                                        const Trial &trial) {
    std::set<uint8_t> read, other;
    for (uint32_t i = 0; i < layout.messages(); i++) {
        if (!layout.is_parsed(i))
            continue; // no parser can read the value of this message, so no condition can exclude the message
        const uint8_t text = i < place.text_of_message.size() ? place.text_of_message[i] : uint8_t{0};
        (trial.reads[i] ? read : other).insert(text);
    }
    std::vector<std::string> values;
    for (const uint8_t text : read) {
        if (text == 0 || other.contains(text))
            return {};
        values.push_back(place.found.examples[text - 1]);
    }
    return other.empty() ? std::vector<std::string>() : values;
}

} // namespace

std::string ProposedMapping::json() const {
    std::string json = "{";
    if (!each.empty())
        json += "\"each\": " + json_list(each) + ", ";
    std::string conditions;
    for (const auto &[place, values] : when)
        conditions += (conditions.empty() ? "" : ", ") + json_quote(place) + ": " + json_list(values);
    if (!conditions.empty())
        json += "\"when\": {" + conditions + "}, ";
    json += "\"customer_id\": " + customer_id;
    if (!device_id.empty())
        json += ", \"device_id\": " + device_id;
    return json + ", \"heart_rate\": " + heart_rate + ", \"event_timestamp\": " + event_timestamp + "}";
}

ProposedMapping combine(const ProposedRate &rate, const ProposedField &time, const ProposedField &customer,
                        const std::vector<ProposedField> &devices) {
    ProposedMapping mapping;
    const SampleScope &scope = rate.field.place->scope;
    mapping.each.assign(scope.lists, scope.lists + scope.level);
    if (!rate.when_place.empty())
        mapping.when.emplace_back(rate.when_place, rate.when_values);
    mapping.customer_id = customer.json;
    mapping.heart_rate = rate.field.json;
    mapping.event_timestamp = time.json;
    mapping.points = rate.field.points + time.points + customer.points;
    const auto device = std::find_if(devices.begin(), devices.end(), [&](const ProposedField &field) {
        return field.place != customer.place;
    });
    if (device != devices.end())
        mapping.device_id = device->json;
    return mapping;
}

ProposedMapping refine(const ProposedMapping &mapping, const SampleTrials &trials, const SampleLayout &layout,
                       Trial *trial) {
    if (trial->fits == trials.count())
        return mapping;
    for (const SamplePlace &place : layout.places()) {
        if (place.scope.level > 0 || place.found.many_examples || place.root == SampleRoot::key_text ||
            !names_kind(place.names))
            continue;
        const std::string text = sample_place_text(place, static_cast<int>(mapping.each.size()));
        const bool has_place = std::any_of(mapping.when.begin(), mapping.when.end(),
                                           [&](const auto &condition) { return condition.first == text; });
        std::vector<std::string> values = values_of_read(place, layout, *trial);
        if (values.empty() || has_place)
            continue;
        ProposedMapping refined = mapping;
        refined.when.emplace_back(text, std::move(values));
        refined.points++;
        Trial again = trials.of_mapping(refined.json());
        if (again.fits != trial->fits)
            continue;
        *trial = std::move(again);
        return refined;
    }
    return mapping;
}

} // namespace heartbeat
