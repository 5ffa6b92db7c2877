// Fuzzing: for any bytes, the decoder of heartbeat's own message layout returns a reading within its limits,
// or an error that can be stored and shown.
#include "decode/classify.h"
#include "decode/decoder_of_heartbeat.h"
#include "decode/timestamp.h"
#include "require.h"

#include <cmath>
#include <cstring>
#include <string>

namespace {

using namespace heartbeat;

// Returns the number of characters of a UTF-8 text, or -1 if the text is not UTF-8. The function follows the
// table of well-formed sequences in the Unicode standard.
int utf8_characters(const unsigned char *text, size_t size) {
    int characters = 0;
    for (size_t i = 0; i < size; ++characters) {
        const unsigned char lead = text[i++];
        if (lead < 0x80)
            continue;
        if (lead < 0xC2 || lead > 0xF4)
            return -1;
        const int tail = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        for (int k = 0; k < tail; ++k, low = 0x80, high = 0xBF) {
            if (i == size || text[i] < low || text[i] > high)
                return -1;
            ++i;
        }
    }
    return characters;
}

void check_reading(const Reading &reading) {
    const auto *id = reinterpret_cast<const unsigned char *>(reading.customer_id);
    require(reading.customer_id_size > 0 && reading.customer_id_size <= customer_id_max_bytes);
    require(std::memchr(id, '\0', reading.customer_id_size) == nullptr);
    const int characters = utf8_characters(id, reading.customer_id_size);
    require(characters > 0 && static_cast<size_t>(characters) <= customer_id_max_characters);
    require(std::isfinite(reading.heart_rate));
    require(heart_rate_class_name(classify_heart_rate(reading.heart_rate)) != nullptr);
}

// Writes the reading as a payload. This payload must decode to the same reading.
void check_again(const Reading &reading) {
    constexpr int64_t year_0_begin = -62167219200'000000;
    constexpr int64_t year_10000_begin = 253402300800'000000;
    if (reading.event_time < year_0_begin || reading.event_time >= year_10000_begin)
        return;
    char timestamp[timestamp_text_size];
    timestamp_format(reading.event_time, timestamp);
    char rate[64];
    std::snprintf(rate, sizeof(rate), "%.17e", reading.heart_rate);
    std::string payload = R"({"customer_id":")";
    for (size_t i = 0; i < reading.customer_id_size; ++i) {
        const auto byte = static_cast<unsigned char>(reading.customer_id[i]);
        char escape[8];
        std::snprintf(escape, sizeof(escape), "\\u%04x", byte);
        if (byte < ' ' || byte == '"' || byte == '\\')
            payload += escape;
        else
            payload += reading.customer_id[i];
    }
    payload.append(R"(","heart_rate":)").append(rate).append(R"(,"event_timestamp":")");
    payload.append(timestamp, sizeof(timestamp)).append(R"("})");

    Decoded decoded;
    require(decoder_of_heartbeat()->decode({.payload = {payload.data(), payload.size()}}, &decoded) ==
            DecodeResult::decoded);
    const Reading &again = decoded.own;
    require(again.customer_id_size == reading.customer_id_size);
    require(std::memcmp(again.customer_id, reading.customer_id, again.customer_id_size) == 0);
    require(again.heart_rate == reading.heart_rate);
    require(again.event_time == reading.event_time);
}

void check_error(const DecodeError &error) {
    require(error.code != DecodeErrorCode::none && error.code != DecodeErrorCode::out_of_memory);
    const size_t size = strnlen(error.text, sizeof(error.text));
    require(size > 0 && size < sizeof(error.text));
    for (size_t i = 0; i < size; ++i)
        require(error.text[i] >= ' ' && error.text[i] <= '~');
    require(std::strcmp(decode_error_name(error.code), "NONE") != 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Decoded decoded;
    decoded.error.code = DecodeErrorCode::none;
    std::memset(decoded.error.text, '#', sizeof(decoded.error.text));
    if (decoder_of_heartbeat()->decode({.payload = {data, size}}, &decoded) == DecodeResult::decoded) {
        require(decoded.count == 1 && decoded.readings[0].device_id.empty());
        check_reading(decoded.own);
        check_again(decoded.own);
    } else {
        check_error(decoded.error);
    }
    return 0;
}
