// A mapping of proposed fields, as JSON. suggest.cpp tries it. These functions may throw, so only src/decode
// includes this header.
#pragma once

#include "decode/suggest_fields.h"
#include "decode/suggest_trial.h"

#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

struct ProposedMapping {
    std::vector<std::string> each;
    std::vector<std::pair<std::string, std::vector<std::string>>> when; // places, and their values
    std::string customer_id, device_id, heart_rate, event_timestamp;    // JSON; device_id may be empty
    int points = 0;

    std::string json() const;
};

// Combines the fields into a mapping. Uses the best device whose place is not the place of the customer.
ProposedMapping combine(const ProposedRate &rate, const ProposedField &time, const ProposedField &customer,
                        const std::vector<ProposedField> &devices);

// If the mapping reads only some of the messages, looks for a place whose text only these messages have. Adds
// the place and the text to `when`, so that the mapping ignores the other messages. Without this condition
// they would become dead letters. Sets *trial to the trial of the result.
ProposedMapping refine(const ProposedMapping &mapping, const SampleTrials &trials, const SampleLayout &layout,
                       Trial *trial);

} // namespace heartbeat
