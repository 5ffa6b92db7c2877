// Fuzzing: for any messages, suggest() returns a list of suggestions. Each suggested mapping compiles. The
// value `fits` of a suggestion is the number of messages in which its mapping finds a reading. A second
// search gives the same suggestions. The input has parts that end with a NUL: the first part is a key, and
// each further part is a message.
#include "decode/decoder_of_mapping.h"
#include "decode/presets.h"
#include "decode/sample_schema_set.h"
#include "decode/suggest.h"
#include "decode/utf8_text.h"
#include "require.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace heartbeat;

constexpr size_t messages_max = 20;

using Samples = std::unique_ptr<MessageSamples, void (*)(MessageSamples *)>;
using Found = std::unique_ptr<const Suggestions, void (*)(const Suggestions *)>;

std::string_view take_part(std::string_view *input) {
    const size_t end = std::min(input->find('\0'), input->size());
    const std::string_view part = input->substr(0, end);
    input->remove_prefix(std::min(end + 1, input->size()));
    return part;
}

Samples make_samples(std::string_view input) {
    Samples samples(message_samples_create(messages_max, size_t{1} << 20), message_samples_destroy);
    const std::string_view key = take_part(&input);
    const MessageHeader headers[] = {{"user", {key.data(), key.size()}}};
    for (int64_t offset = 0; !input.empty(); offset++) {
        const std::string_view payload = take_part(&input);
        MessageView message;
        message.offset = offset;
        message.kafka_time = offset;
        message.key = {key.data(), key.size()};
        message.payload = {payload.data(), payload.size()};
        message.headers = headers;
        message.header_count = key.size() % 2;
        Decoded decoded;
        require(message_samples_decoder(samples.get())->decode(message, &decoded) == DecodeResult::ignored);
    }
    return samples;
}

size_t count_read(const Samples &samples, std::string_view mapping) {
    MappingError error;
    const std::unique_ptr<Decoder, void (*)(Decoder *)> decoder(decoder_of_mapping(mapping, &error),
                                                                decoder_destroy);
    require(decoder != nullptr);
    size_t read = 0;
    Decoded decoded;
    for (size_t i = 0; i < message_samples_count(samples.get()); i++)
        read += decoder->decode(message_samples_view(samples.get(), i), &decoded) == DecodeResult::decoded &&
                decoded.count > 0;
    return read;
}

void check(const Samples &samples, const Suggestion &suggestion) {
    require((suggestion.preset == nullptr) != (suggestion.mapping == nullptr));
    require(suggestion.fits > 0 && suggestion.fits <= message_samples_count(samples.get()));
    const char *const mapping =
        suggestion.mapping == nullptr ? preset_find(suggestion.preset)->mapping : suggestion.mapping;
    require(utf8_is_text(mapping, std::strlen(mapping)));
    require(count_read(samples, mapping) == suggestion.fits);
}

std::string text(const Suggestion &suggestion) {
    return std::string(suggestion.preset == nullptr ? suggestion.mapping : suggestion.preset) + " " +
           std::to_string(suggestion.fits);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const Samples samples = make_samples({reinterpret_cast<const char *>(data), size});
    const SampleSchemas schemas(MessageFormat::json);
    const Found first(suggest(samples.get(), schemas, nullptr), suggestions_destroy),
        second(suggest(samples.get(), schemas, nullptr), suggestions_destroy);
    require(first != nullptr && second != nullptr);
    const size_t count = suggestions_count(first.get());
    require(count <= suggestions_max && count == suggestions_count(second.get()));
    for (size_t i = 0; i < count; i++) {
        const Suggestion suggestion = suggestions_get(first.get(), i);
        check(samples, suggestion);
        require(text(suggestion) == text(suggestions_get(second.get(), i)));
    }
    return 0;
}
