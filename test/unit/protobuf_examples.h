// Unit test: writes descriptors and messages of Protobuf, and shows the tree that the reader makes of a
// message. The tests of Protobuf include this file.
#pragma once

#include "../formats/places.h"
#include "../formats/tree_text.h"
#include "decode/protobuf_schema.h"
#include "decode/schema_reader.h"

#include <bit>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace heartbeat {

using PbType = ProtobufType;

// Bytes in Protobuf's encoding. varint(), bytes(), fixed(), real() and group() each add one field.
struct Bytes {
    static std::string number(uint64_t value) {
        std::string text;
        for (; value > 127; value >>= 7U)
            text += static_cast<char>((value & 127U) | 128U);
        return text + static_cast<char>(value);
    }
    Bytes &tag(uint32_t field, unsigned wire) {
        text += number(uint64_t{field} << 3U | wire);
        return *this;
    }
    Bytes &varint(uint32_t field, uint64_t value) {
        tag(field, 0).text += number(value);
        return *this;
    }
    Bytes &bytes(uint32_t field, const std::string &value) {
        tag(field, 2).text += number(value.size()) + value;
        return *this;
    }
    Bytes &bytes(uint32_t field, const Bytes &value) { return bytes(field, value.text); }
    Bytes &fixed(uint32_t field, unsigned size, uint64_t value) {
        tag(field, size == 4 ? 5 : 1);
        for (unsigned i = 0; i < size; ++i)
            text += static_cast<char>(value >> (8 * i));
        return *this;
    }
    Bytes &real(uint32_t field, double value) { return fixed(field, 8, std::bit_cast<uint64_t>(value)); }
    Bytes &group(uint32_t field, const Bytes &value) {
        tag(field, 3).text += value.text;
        return tag(field, 4);
    }

    std::string text;
};

// Parts of descriptors
inline Bytes pb_field(const std::string &name, uint32_t number, PbType type,
                      const std::string &type_name = "") {
    Bytes field;
    field.bytes(1, name).varint(3, number).varint(4, 1).varint(5, static_cast<uint64_t>(type));
    if (!type_name.empty())
        field.bytes(6, type_name);
    return field;
}
inline Bytes pb_list(const std::string &name, uint32_t number, PbType type,
                     const std::string &type_name = "") {
    return pb_field(name, number, type, type_name).varint(4, 3);
}
inline Bytes pb_message(const std::string &name, const std::vector<Bytes> &fields) {
    Bytes message;
    message.bytes(1, name);
    for (const Bytes &field : fields)
        message.bytes(2, field);
    return message;
}
inline Bytes pb_entry(const std::string &name, const Bytes &key, const Bytes &value) {
    return pb_message(name, {key, value}).bytes(7, Bytes().varint(7, 1));
}
inline Bytes pb_enum(const std::string &name, const std::vector<std::pair<std::string, int32_t>> &values) {
    Bytes type;
    type.bytes(1, name);
    for (const auto &[value, number] : values)
        type.bytes(2, Bytes().bytes(1, value).varint(2, static_cast<uint64_t>(int64_t{number})));
    return type;
}
// A file of the package `p`
inline Bytes pb_file(const std::string &syntax, const std::vector<Bytes> &messages,
                     const std::vector<Bytes> &enums = {}) {
    Bytes file;
    file.bytes(2, std::string("p"));
    for (const Bytes &message : messages)
        file.bytes(4, message);
    for (const Bytes &type : enums)
        file.bytes(5, type);
    return file.bytes(12, syntax);
}
inline std::string pb_set(const std::vector<Bytes> &files) {
    Bytes set;
    for (const Bytes &file : files)
        set.bytes(1, file);
    return set.text;
}
inline std::string set_of(const std::string &syntax, const Bytes &message) {
    return pb_set({pb_file(syntax, {message})});
}
inline Bytes pb_well_known(const std::vector<Bytes> &messages) {
    Bytes file;
    file.bytes(2, std::string("google.protobuf")).bytes(12, std::string("proto3"));
    for (const Bytes &message : messages)
        file.bytes(4, message);
    return file;
}

// Makes a reader. If the reader refuses the descriptors, returns nullptr and writes the reason to *refused.
// The reader must not need the descriptors later. To test this, the function frees the copy of the
// descriptors from which it made the reader.
inline std::unique_ptr<SchemaReader> pb_reader(const std::string &set, const std::string &places,
                                               bool is_framed = false, SchemaError *refused = nullptr) {
    SchemaError error{};
    const auto copy = std::make_unique<std::string>(set);
    std::unique_ptr<SchemaReader> reader(protobuf_reader(*copy, is_framed, wanted_of(places), &error));
    if (refused != nullptr)
        *refused = error;
    else
        EXPECT_NE(reader, nullptr) << error.text;
    return reader;
}

inline std::string pb_refused(const std::string &set, const std::string &places = "whole") {
    SchemaError error{};
    return pb_reader(set, places, true, &error) == nullptr ? error.text : "";
}

// The tree as JSON, or the error.
inline std::string pb_read(const SchemaReader &reader, const std::string &message) {
    ReaderMemory memory;
    ValueTree tree;
    DecodeError error{};
    const std::string copy(message);
    if (!reader.read(copy, "payload", &memory, &tree, &error))
        return std::string(decode_error_name(error.code)) + ": " + error.text;
    std::string text;
    print_value(tree, 0, &text);
    return text;
}

inline std::string pb_read(const std::string &set, const std::string &places, const Bytes &message) {
    const auto reader = pb_reader(set, places);
    return reader == nullptr ? "" : pb_read(*reader, message.text);
}

} // namespace heartbeat
