// Prints a value tree as JSON. The oracles and the unit tests of formats use this file. An unsigned integer
// is a number, bytes are {"bytes":"..."} in hexadecimal, and an integer with a time scale is {"time":...},
// with the members of the time, if it has any.
#pragma once

#include "decode/value_tree.h"

#include <cstdio>
#include <string>

namespace heartbeat {

inline void print_text(std::string_view text, std::string *out) {
    *out += '"';
    for (const char c : text) {
        char escape[8];
        if (static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\') {
            std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
            *out += escape;
        } else {
            *out += c;
        }
    }
    *out += '"';
}

inline void print_real(double real, std::string *out) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.17g", real);
    *out += text;
    if (std::string_view(text).find_first_of(".e") == std::string_view::npos)
        *out += ".0";
}

inline void print_bytes(std::string_view bytes, std::string *out) {
    *out += "{\"bytes\":\"";
    for (const char c : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        *out += digits;
    }
    *out += "\"}";
}

inline void print_value(const ValueTree &tree, uint32_t index, std::string *out) {
    const ValueNode &node = tree[index];
    const bool is_object = node.type == ValueType::object;
    switch (node.type) {
    case ValueType::null:
        *out += "null";
        return;
    case ValueType::boolean:
        *out += node.boolean ? "true" : "false";
        return;
    case ValueType::integer:
        if (node.scale() == TimeScale::none) {
            *out += std::to_string(node.integer);
            return;
        }
        *out += "{\"time\":" + std::to_string(node.integer);
        for (uint32_t child = index + 1; child != node.end; child = tree[child].end) {
            *out += ',';
            print_text(tree[child].name(), out);
            *out += ':';
            print_value(tree, child, out);
        }
        *out += '}';
        return;
    case ValueType::unsigned_integer:
        *out += std::to_string(node.unsigned_integer);
        return;
    case ValueType::real:
        return print_real(node.real, out);
    case ValueType::string:
        return print_text(node.text(), out);
    case ValueType::bytes:
        return print_bytes(node.text(), out);
    default:
        break;
    }
    *out += is_object ? '{' : '[';
    uint32_t count = 0;
    for (uint32_t child = index + 1; child != node.end; child = tree[child].end, ++count) {
        if (count > 0)
            *out += ',';
        if (is_object) {
            print_text(tree[child].name(), out);
            *out += ':';
        }
        print_value(tree, child, out);
    }
    if (count != node.size)
        *out += "the number of children is wrong";
    *out += is_object ? '}' : ']';
}

} // namespace heartbeat
