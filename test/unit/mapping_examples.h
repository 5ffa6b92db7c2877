// Unit test: compiles mappings, decodes a message with a mapping, and shows the result as one text. The tests
// of mappings include this file.
#pragma once

#include "decode/mapped_decoder.h"
#include "decode/mapping_compile.h"
#include "decode/timestamp.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace heartbeat {

// Returns the text of a file of the source tree. The Makefile sets TEST_TOP.
inline std::string read_file(const std::string &name) {
    const char *const top = std::getenv("TEST_TOP");
    std::ifstream file((top == nullptr ? "." : top) + ("/" + name));
    EXPECT_TRUE(file) << name;
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

using MappingPointer = std::unique_ptr<const Mapping, void (*)(const Mapping *)>;

// Returns nullptr if the mapping is wrong; *error then has the reason.
inline MappingPointer compile(const std::string &json, MappingError *error) {
    std::memset(error, '#', sizeof(*error));
    return {mapping_compile(json, error), [](const Mapping *mapping) { mapping_destroy(mapping); }};
}

inline MappingPointer compile(const std::string &json) {
    MappingError error;
    MappingPointer mapping = compile(json, &error);
    EXPECT_NE(mapping, nullptr) << json << "\n" << error.pointer << " " << error.problem;
    return mapping;
}

// A message, whose payload, key and headers are texts.
struct Message {
    std::string payload;
    std::string key = "KEY-1";
    std::vector<std::pair<std::string, std::string>> headers = {};
    int64_t kafka_time = 1'795'444'742'123; // 2026-11-23T14:39:02.123Z
};

inline std::string number_text(double number) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.10g", number);
    return text;
}

inline std::string reading_text(const ReadingView &reading) {
    char time[timestamp_text_size];
    timestamp_format(reading.event_time, time);
    std::string text(reading.customer_id);
    if (!reading.device_id.empty())
        text += " " + std::string(reading.device_id);
    text += " " + number_text(reading.heart_rate) + " " + std::string(time, sizeof(time));
    const size_t zeros = text.find(".000000Z");
    return zeros == std::string::npos ? text : text.substr(0, zeros) + "Z";
}

// Returns "CUST-1 74 2026-11-22T14:39:02Z; ...", "ignored", or "WRONG_TYPE: the error text".
inline std::string decode(MappedDecoder *decoder, const MessageView &view) {
    DecodeError error;
    std::memset(error.text, '#', sizeof(error.text));
    const DecodeResult result = decoder->decode(view, &error);
    if (result == DecodeResult::ignored)
        return "ignored";
    if (result == DecodeResult::failed) {
        EXPECT_LT(strnlen(error.text, sizeof(error.text)), sizeof(error.text)) << "not terminated";
        EXPECT_TRUE(decoder->readings().empty());
        return decode_error_name(error.code) + std::string(": ") + error.text;
    }
    std::string text;
    for (const ReadingView &reading : decoder->readings())
        text += (text.empty() ? "" : "; ") + reading_text(reading);
    return text;
}

inline std::string decode(const std::string &mapping_json, const Message &message) {
    const MappingPointer mapping = compile(mapping_json);
    if (mapping == nullptr)
        return "the mapping is refused";
    // the copy has no spare byte, so that the address sanitizer finds a read after the end of the copy
    const std::unique_ptr<char[]> payload(new char[message.payload.size()]);
    message.payload.copy(payload.get(), message.payload.size());
    std::vector<MessageHeader> headers;
    for (const auto &[name, value] : message.headers)
        headers.push_back({name, {value.data(), value.size()}});
    MessageView view;
    view.payload = {payload.get(), message.payload.size()};
    view.key = {message.key.data(), message.key.size()};
    view.headers = headers.data();
    view.header_count = headers.size();
    view.kafka_time = message.kafka_time;
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    return decode(&decoder, view);
}

// Replaces each ' by ", so that JSON is easy to read in C++.
inline std::string quoted(std::string text) {
    for (char &c : text)
        if (c == '\'')
            c = '"';
    return text;
}

// Makes a mapping with the three required fields. The caller can replace these fields and add other keys.
struct Fields {
    std::string customer_id = "'/id'", heart_rate = "'/hr'", event_timestamp = "'/t'", more = "";

    std::string json() const {
        return quoted("{'customer_id':" + customer_id + ",'heart_rate':" + heart_rate +
                      ",'event_timestamp':" + event_timestamp + (more.empty() ? "" : "," + more) + "}");
    }
};

struct MappedExample {
    Fields fields;
    std::string payload; // with ' for "
    std::string expected;
};

template <size_t count> void expect_decoded(const MappedExample (&examples)[count]) {
    for (const MappedExample &example : examples) {
        const std::string json = example.fields.json();
        EXPECT_EQ(decode(json, {quoted(example.payload)}), example.expected) << json << "\n"
                                                                             << example.payload;
    }
}

} // namespace heartbeat
