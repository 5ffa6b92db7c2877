// Fuzzing: any message with any mapping gives readings within their limits, or an error that can be shown. A
// second decoding gives the same result. The input has three parts that end with a NUL: the mapping, the key
// and a header. The rest of the input is the value.
#include "decode/decode_json.h"
#include "decode/field_values.h"
#include "decode/mapped_decoder.h"
#include "decode/mapping_compile.h"
#include "decode/presets.h"
#include "decode/reading.h"
#include "decode/utf8_text.h"
#include "require.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

namespace {

using namespace heartbeat;

struct Outcome {
    DecodeResult result;
    DecodeErrorCode code = DecodeErrorCode::none;
    std::string text; // the readings or the error as text
};

void check_id(std::string_view id, bool may_be_empty) {
    require(utf8_is_text(id.data(), id.size()));
    require(may_be_empty || !id.empty());
    require(utf8_count(id.data(), id.size()) <= customer_id_max_characters);
}

void check_error(const DecodeError &error) {
    require(error.code != DecodeErrorCode::none && error.code != DecodeErrorCode::out_of_memory);
    const size_t size = strnlen(error.text, sizeof(error.text));
    require(size > 0 && size < sizeof(error.text));
    for (size_t i = 0; i < size; ++i)
        require(error.text[i] >= ' ' && error.text[i] <= '~');
}

Outcome decode(MappedDecoder *decoder, const MessageView &message) {
    DecodeError error;
    std::memset(&error, '#', sizeof(error));
    Outcome outcome{decoder->decode(message, &error), DecodeErrorCode::none, ""};
    if (outcome.result == DecodeResult::failed) {
        check_error(error);
        outcome.code = error.code;
        outcome.text = error.text;
    }
    require(decoder->readings().size() <= message_readings_max);
    require(outcome.result == DecodeResult::decoded || decoder->readings().empty());
    for (const ReadingView &reading : decoder->readings()) {
        check_id(reading.customer_id, false);
        check_id(reading.device_id, true);
        require(std::isfinite(reading.heart_rate));
        require(event_time_is_legal(reading.event_time));
        outcome.text += std::string(reading.customer_id) + '\0' + std::string(reading.device_id) + '\0' +
                        std::to_string(reading.heart_rate) + ' ' + std::to_string(reading.event_time) + '\n';
    }
    return outcome;
}

// With the preset of heartbeat's own layout, the result equals the result of decode_json(), with four
// exceptions: the mapped decoder accepts more timestamps, accepts unsigned integers of 64 bits, treats a null
// as a missing field, and refuses JSON that is nested too deeply.
void check_own_layout(std::string_view payload, const MappedDecoder &decoder, const Outcome &outcome) {
    Reading reading;
    DecodeError error;
    if (payload.empty())
        return;
    const bool is_reading = decode_json(payload.data(), payload.size(), &reading, &error);
    if (is_reading) {
        if (outcome.code == DecodeErrorCode::invalid_json)
            return; // the JSON is nested too deeply for the mapped decoder
        require(outcome.result == DecodeResult::decoded && decoder.readings().size() == 1);
        const ReadingView &mapped = decoder.readings()[0];
        require(mapped.customer_id == std::string_view(reading.customer_id, reading.customer_id_size));
        require(mapped.heart_rate == reading.heart_rate && mapped.event_time == reading.event_time);
        return;
    }
    switch (error.code) {
    case DecodeErrorCode::number_out_of_range:
    case DecodeErrorCode::invalid_timestamp:
        break;
    case DecodeErrorCode::wrong_type:
        require(outcome.code == error.code || outcome.code == DecodeErrorCode::missing_field ||
                outcome.code == DecodeErrorCode::invalid_json);
        break;
    default:
        require(outcome.code == error.code || outcome.code == DecodeErrorCode::invalid_json);
    }
}

std::string_view take_part(std::string_view *input) {
    const size_t end = std::min(input->find('\0'), input->size());
    const std::string_view part = input->substr(0, end);
    input->remove_prefix(std::min(end + 1, input->size()));
    return part;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input{reinterpret_cast<const char *>(data), size};
    const std::string_view json = take_part(&input), key = take_part(&input), header = take_part(&input);
    MappingError refused;
    const Mapping *mapping = mapping_compile(json, &refused);
    const bool is_preset = mapping == nullptr;
    const Preset &preset = presets()[json.size() % presets().size()];
    if (is_preset)
        mapping = mapping_compile(preset.mapping, &refused);
    const std::unique_ptr<const Mapping, void (*)(const Mapping *)> owner(mapping, mapping_destroy);

    const MessageHeader headers[] = {{"h", {header.data(), header.size()}}, {"user", {"U-1", 3}}};
    MessageView message;
    message.payload = {input.data(), input.size()};
    message.key = {key.data(), key.size()};
    message.headers = headers;
    message.header_count = 2;
    message.kafka_time = static_cast<int64_t>(size) - 1;
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    const Outcome first = decode(&decoder, message);
    if (is_preset && std::string_view(preset.name) == "heartbeat")
        check_own_layout(input, decoder, first);

    MessageView other;
    other.payload = {"[{\"a\":[1,\"x\"]}]", 15};
    (void)decode(&decoder, other);
    const Outcome second = decode(&decoder, message);
    require(second.result == first.result && second.code == first.code && second.text == first.text);
    return 0;
}
