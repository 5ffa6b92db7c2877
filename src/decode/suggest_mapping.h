// A mapping of proposed fields, as JSON. suggest.cpp tries the mapping. These functions may throw, so only
// src/decode includes this header.
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

// Combines the fields into a mapping. If the best place for the device is also the place of the customer, the
// function takes the next best place for the device.
ProposedMapping combine(const ProposedRate &rate, const ProposedField &time, const ProposedField &customer,
                        const std::vector<ProposedField> &devices);

// If a mapping can read only some of the messages, the other messages would become dead letters. So the
// function looks for a place, such as `type`, whose texts distinguish the messages that the mapping reads.
// The function adds this place and these texts to `when`. With this condition, the mapping ignores the other
// messages. Sets *trial to the trial of the returned mapping.
ProposedMapping refine(const ProposedMapping &mapping, const SampleTrials &trials, const SampleLayout &layout,
                       Trial *trial);

} // namespace heartbeat
