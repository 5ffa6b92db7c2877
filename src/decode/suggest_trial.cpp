// Compiles a mapping and decodes messages in the same way as an ingest worker. So an ingest worker with this
// mapping can read the same messages.
#include "decode/suggest_trial.h"

#include <new>

namespace heartbeat {

void SampleTrials::look_for_stop() const {
    if (stopped_ != nullptr && stopped_())
        throw SuggestStopped();
}

Trial SampleTrials::of_decoder(Decoder *decoder) const {
    constexpr size_t look_after = 64;
    Trial trial;
    trial.reads.resize(count());
    Decoded decoded;
    for (size_t i = 0; i < count(); i++) {
        if (i % look_after == 0)
            look_for_stop();
        const DecodeResult result = decoder->decode(view(i), &decoded);
        if (result == DecodeResult::failed && decoded.error.code == DecodeErrorCode::out_of_memory)
            throw std::bad_alloc();
        trial.reads[i] = result == DecodeResult::decoded && decoded.count > 0;
        trial.fits += trial.reads[i];
    }
    return trial;
}

Trial SampleTrials::of_mapping(const std::string &mapping) const {
    const auto decoder = schemas_.decoder(mapping);
    return decoder == nullptr ? Trial() : of_decoder(decoder.get());
}

} // namespace heartbeat
