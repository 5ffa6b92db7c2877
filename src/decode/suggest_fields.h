// Proposes the fields of a mapping: finds the places of the sample messages that can be the heart rate, the
// time, the customer or the device, and gives points to each place. suggest.cpp combines the fields and tries
// the mappings. These functions may throw, so only src/decode includes this header.
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
    // The place of a text such as the type of an event, and the values of this text that belong to heart
    // rates.
    std::string when_place; // empty: none
    std::vector<std::string> when_values;
    bool named; // the names show that the field is a heart rate
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
