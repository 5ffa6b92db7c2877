// Unit test: makes a reader from Avro schemas, encodes values in Avro's binary encoding, and shows the tree
// of a message as one text. The tests of the Avro reader include this file.
#pragma once

#include "decode/schema_reader.h"
#include "mapping_examples.h"

#include <bit>
#include <charconv>

namespace heartbeat {

using ReaderPointer = std::unique_ptr<SchemaReader>;

inline WantedValue whole_value() {
    WantedValue wanted;
    wanted.whole = true;
    return wanted;
}

// Returns the parts of the value that a mapping reads. The arguments are the mapping's "heart_rate" and
// further members of the mapping.
inline WantedValue wanted_of(const std::string &heart_rate, const std::string &more = "") {
    return wanted_values(*compile(Fields{"'key'", heart_rate, "'kafka/timestamp'", more}.json()),
                         PlaceRoot::value);
}

// The schemas have single quotes in place of double quotes.
inline ReaderPointer reader_of(std::vector<std::string> schemas, const WantedValue &wanted,
                               std::string *problem) {
    std::vector<std::string_view> views;
    for (std::string &schema : schemas)
        views.emplace_back(schema = quoted(schema));
    SchemaError error;
    std::memset(error.text, '#', sizeof(error.text));
    ReaderPointer reader(avro_reader(views, wanted, &error));
    *problem = reader == nullptr ? error.text : "";
    return reader;
}

inline std::string varint(int64_t number) {
    uint64_t bits = (static_cast<uint64_t>(number) << 1U) ^ static_cast<uint64_t>(number >> 63);
    std::string bytes;
    for (; bits >= 0x80; bits >>= 7U)
        bytes += static_cast<char>(bits | 0x80U);
    return bytes + static_cast<char>(bits);
}

inline std::string avro_text(const std::string &text) {
    return varint(static_cast<int64_t>(text.size())) + text;
}

template <typename Bits> std::string little_endian(Bits bits) {
    std::string bytes;
    for (size_t i = 0; i < sizeof(bits); i++)
        bytes += static_cast<char>(bits >> (8 * i));
    return bytes;
}

inline std::string avro_double(double value) {
    return little_endian(std::bit_cast<uint64_t>(value));
}

inline std::string repeat(const std::string &unit, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++)
        text += unit;
    return text;
}

// Returns the shortest decimal text of a number. If this text has no point and no exponent, ".0" is appended.
inline std::string real_text(double number) {
    char digits[32];
    const std::string text(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

// Returns a tree as text that looks like JSON. Strings have single quotes, and keys have no quotes. Bytes are
// <...>. An integer with a time scale is followed by @ and the scale.
inline std::string tree_text(const ValueTree &tree, uint32_t index = 0) {
    const ValueNode &node = tree[index];
    switch (node.type) {
    case ValueType::null:
        return "null";
    case ValueType::boolean:
        return node.boolean ? "true" : "false";
    case ValueType::integer:
        return std::to_string(node.integer) + (node.size == 0 ? "" : "@" + std::to_string(node.size));
    case ValueType::unsigned_integer:
        return std::to_string(node.unsigned_integer);
    case ValueType::real:
        return real_text(node.real);
    case ValueType::string:
        return "'" + std::string(node.text()) + "'";
    case ValueType::bytes:
        return "<" + std::string(node.text()) + ">";
    default:
        break;
    }
    const bool is_object = node.type == ValueType::object;
    std::string text = is_object ? "{" : "[";
    for (uint32_t child = index + 1; child != node.end; child = tree[child].end) {
        text += child == index + 1 ? "" : ",";
        text += is_object ? std::string(tree[child].name()) + ":" : "";
        text += tree_text(tree, child);
    }
    return text + (is_object ? "}" : "]");
}

inline std::string read_text(const SchemaReader &reader, const std::string &bytes) {
    // the copy has the exact size, so that the address sanitizer finds a read after the end of the copy
    const std::unique_ptr<char[]> copy(new char[bytes.size()]);
    bytes.copy(copy.get(), bytes.size());
    ReaderMemory memory;
    ValueTree tree;
    DecodeError error;
    std::memset(error.text, '#', sizeof(error.text));
    if (!reader.read({copy.get(), bytes.size()}, "payload", &memory, &tree, &error))
        return decode_error_name(error.code) + std::string(": ") + error.text;
    return tree_text(tree);
}

// Returns the tree of a message, the error of the message, or the problem of the schema.
inline std::string avro_read(const std::vector<std::string> &schemas, const std::string &bytes,
                             const WantedValue &wanted = whole_value()) {
    std::string problem;
    const ReaderPointer reader = reader_of(schemas, wanted, &problem);
    return reader == nullptr ? problem : read_text(*reader, bytes);
}

inline std::string avro_record(const std::string &fields) {
    return "{'type':'record','name':'R','fields':[" + fields + "]}";
}

inline std::string avro_field(const std::string &name, const std::string &type) {
    return "{'name':'" + name + "','type':" + type + "}";
}

inline std::string avro_fault(const std::string &text) {
    return "INVALID_AVRO: payload is not valid Avro: " + text;
}

inline std::string array_of(const std::string &type) {
    return "{'type':'array','items':" + type + "}";
}

inline std::string map_of(const std::string &type) {
    return "{'type':'map','values':" + type + "}";
}

inline std::string logical(const std::string &type, const std::string &name, const std::string &more = "") {
    return "{'type':'" + type + "','logicalType':'" + name + "'" + more + "}";
}

} // namespace heartbeat
