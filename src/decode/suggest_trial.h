// Tries a decoder on all samples. suggest.cpp calls it for each preset and each proposed mapping. These
// functions may throw, so only src/decode includes this header.
#pragma once

#include "decode/sample_schema_set.h"

#include <string>
#include <vector>

namespace heartbeat {

struct SuggestStopped {}; // thrown when the caller of suggest() wants to give up

struct Trial {
    size_t fits = 0;         // messages that became at least one reading
    std::vector<bool> reads; // for each message, whether it became a reading
};

class SampleTrials {
  public:
    SampleTrials(const MessageSamples *samples, const SampleSchemas &schemas, bool (*stopped)() noexcept)
        : samples_(samples), schemas_(schemas), stopped_(stopped) {}

    Trial of_decoder(Decoder *decoder) const;
    Trial of_mapping(const std::string &mapping) const; // a mapping that does not compile fits no message
    size_t count() const { return message_samples_count(samples_); }
    MessageView view(size_t index) const { return message_samples_view(samples_, index); }
    void look_for_stop() const;
    const SampleSchemas &schemas() const { return schemas_; }

  private:
    const MessageSamples *samples_;
    const SampleSchemas &schemas_;
    bool (*stopped_)() noexcept;
};

} // namespace heartbeat
