// Decodes all samples with a decoder, and counts the messages that become readings. suggest.cpp makes one
// trial for each preset and each proposed mapping. These functions may throw, so only src/decode includes
// this header.
#pragma once

#include "decode/sample_schema_set.h"

#include <string>
#include <vector>

namespace heartbeat {

struct SuggestStopped {}; // the exception that ends suggest() if the caller wants to stop

struct Trial {
    size_t fits = 0;         // the number of messages that became at least one reading
    std::vector<bool> reads; // for each message: true if the message became at least one reading
};

class SampleTrials {
  public:
    SampleTrials(const MessageSamples *samples, const SampleSchemas &schemas, bool (*stopped)() noexcept)
        : samples_(samples), schemas_(schemas), stopped_(stopped) {}

    Trial of_decoder(Decoder *decoder) const;
    Trial of_mapping(const std::string &mapping) const; // the result for a mapping with a fault is 0 messages
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
