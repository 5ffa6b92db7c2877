// Unit test: makes payloads from valid and invalid parts, and checks the properties of each decoding error.
// The tests of decoding include this file.
#pragma once

#include "decode/decoder_of_heartbeat.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>

namespace heartbeat {

using namespace std::string_literals;
using Code = DecodeErrorCode;

// Returns a document with the three fields. Each argument is the JSON of one field. If an argument is empty,
// the document does not have the field.
inline std::string document(const std::string &customer_id, const std::string &heart_rate,
                            const std::string &timestamp) {
    std::string text = "{\"v\":1";
    for (const auto &[name, value] :
         {std::pair{"customer_id", customer_id}, std::pair{"heart_rate", heart_rate},
          std::pair{"event_timestamp", timestamp}})
        if (!value.empty())
            text += ",\""s + name + "\":" + value;
    return text + "}";
}

inline const std::string good_id = R"("CUST-0007")";
inline const std::string good_time = R"("2026-11-22T14:39:02.123456Z")";

inline std::string with_id(const std::string &json) {
    return document(json, "74", good_time);
}
inline std::string with_rate(const std::string &json) {
    return document(good_id, json, good_time);
}
inline std::string with_time(const std::string &json) {
    return document(good_id, "74", json);
}

inline std::string repeated(const std::string &unit, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i)
        text += unit;
    return text;
}

inline bool decode_payload(const void *payload, size_t size, Decoded *decoded) {
    return decoder_of_heartbeat()->decode({.payload = {payload, size}}, decoded) == DecodeResult::decoded;
}

// Returns the error of a payload that is not a reading. The function decodes a copy without a spare byte, so
// that the address sanitizer finds a read past the end. Before the decoding, the function fills the error's
// text with #. So a test can check whether the decoder terminates the text.
inline DecodeError refuse(const std::string &payload) {
    const std::unique_ptr<char[]> exact(new char[payload.size()]);
    payload.copy(exact.get(), payload.size());
    Decoded decoded{};
    std::fill_n(decoded.error.text, sizeof(decoded.error.text), '#');
    if (decode_payload(exact.get(), payload.size(), &decoded)) {
        ADD_FAILURE() << "decoded: " << payload.substr(0, 300);
        decoded.error = {DecodeErrorCode::none, ""};
    }
    return decoded.error;
}

inline void expect_explained(const DecodeError &error, const std::string &payload) {
    const size_t size = strnlen(error.text, sizeof(error.text));
    ASSERT_LT(size, sizeof(error.text)) << "not terminated: " << payload.substr(0, 300);
    EXPECT_GT(size, 20U) << error.text;
    EXPECT_NE(std::string(error.text).find("expected"), std::string::npos) << error.text;
    for (const char c : std::string(error.text))
        EXPECT_TRUE(c >= ' ' && c <= '~') << error.text;
}

struct Example {
    std::string payload;
    Code expected;
};

template <size_t count> void expect_errors(const Example (&examples)[count]) {
    for (const Example &example : examples) {
        const DecodeError error = refuse(example.payload);
        EXPECT_STREQ(decode_error_name(error.code), decode_error_name(example.expected))
            << example.payload.substr(0, 300) << "\n"
            << error.text;
        expect_explained(error, example.payload);
    }
}

} // namespace heartbeat
