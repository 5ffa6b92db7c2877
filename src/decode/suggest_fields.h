// Proposes the fields of a mapping. In the sample messages, finds the places that can be the heart rate, the
// time, the customer or the device. Gives points to each place. suggest.cpp combines the fields and tries the
// mappings. These functions may throw, so only src/decode includes this header.
#pragma once

#include "decode/sample_layout.h"

#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

struct ProposedField {
    std::string json; // the value of the field in a mapping
    int points;
    const SamplePlace *place; // nullptr: the field is kafka/timestamp
};

struct ProposedRate {
    ProposedField field;
    // The place of a text that shows the meaning of the value, such as the type of an event. `when_values`
    // has the texts that stand for a heart rate.
    std::string when_place; // empty: no condition
    std::vector<std::string> when_values;
    bool named; // the names, or the text at `when_place`, show that the field is a heart rate
    bool interval_ms;
};

// In each list, the best proposal comes first. A proposed time, customer or device belongs to one proposed
// heart rate.
std::vector<ProposedRate> propose_rates(const SampleLayout &layout);
std::vector<ProposedField> propose_times(const SampleLayout &layout, const ProposedRate &rate);
std::vector<ProposedField> propose_customers(const SampleLayout &layout, const ProposedRate &rate);
std::vector<ProposedField> propose_devices(const SampleLayout &layout, const ProposedRate &rate);

std::string json_quote(std::string_view text); // a JSON string

} // namespace heartbeat
