// Reads Avro messages with heartbeat's reader and prints them as JSON. avro_oracle.py calls this program, and
// compares the output with the values that Avro's official libraries read.
//
// Each line of the input has fields that are separated by tabs: a mapping or "whole", the bytes of a message
// in hexadecimal digits, and one or more schemas. The output has one line for each line of the input. If a
// line has a mapping, the program reads the message twice: the whole message, and then only the values that
// the mapping reads. The program compares these values in the two results.
#include "decode/mapping_compile.h"
#include "decode/schema_reader.h"
#include "same_places.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace {

using namespace heartbeat;

constexpr const char *scales[] = {"none",     "ms",   "us",     "ns",     "local_ms", "local_us",
                                  "local_ns", "days", "day_ms", "day_us", "day_ns",   "instant_us"};

std::string hex(std::string_view bytes) {
    std::string text;
    char digits[3];
    for (const char c : bytes) {
        std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(c));
        text += digits;
    }
    return text;
}

std::string unhex(const std::string &digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string quote(std::string_view text) {
    std::string quoted = "\"";
    char escape[8];
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned char>(c));
            quoted += escape;
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

std::string scalar(const ValueNode &node) {
    char text[64];
    switch (node.type) {
    case ValueType::boolean:
        return node.boolean ? "true" : "false";
    case ValueType::integer:
        if (node.scale() == TimeScale::none)
            return std::to_string(node.integer);
        return std::string(R"({"$time":[")") + scales[node.size] + "\"," + std::to_string(node.integer) +
               "]}";
    case ValueType::unsigned_integer:
        return std::to_string(node.unsigned_integer);
    case ValueType::real:
        std::snprintf(text, sizeof(text), R"({"$real":"%a"})", node.real);
        return text;
    case ValueType::string:
        return quote(node.text());
    case ValueType::bytes:
        return R"({"$bytes":")" + hex(node.text()) + "\"}";
    default:
        return "null";
    }
}

std::string show(const ValueTree &tree, uint32_t index) {
    const ValueNode &node = tree[index];
    if (!node.is_container())
        return scalar(node);
    const bool is_object = node.type == ValueType::object;
    std::string text = is_object ? "{" : "[";
    for (uint32_t child = index + 1; child != node.end; child = tree[child].end) {
        text += child == index + 1 ? "" : ",";
        text += is_object ? quote(tree[child].name()) + ":" : "";
        text += show(tree, child);
    }
    return text + (is_object ? "}" : "]");
}

using Mappings = std::unique_ptr<const Mapping, void (*)(const Mapping *)>;

std::string refused(const char *what, const char *text) {
    return std::string(what) + ": " + text;
}

// The reader must live as long as the tree, because the reader owns the names and symbols in the tree.
struct Reading {
    std::unique_ptr<SchemaReader> reader;
    ReaderMemory memory;
    ValueTree tree;

    // Returns the problem, or an empty text.
    std::string read(const WantedValue &wanted, const std::vector<std::string_view> &schemas,
                     std::string_view bytes) {
        SchemaError schema_error;
        DecodeError error;
        reader.reset(avro_reader(schemas, wanted, &schema_error));
        if (reader == nullptr)
            return refused("SCHEMA", schema_error.text);
        if (!reader->read(bytes, "payload", &memory, &tree, &error))
            return refused(decode_error_name(error.code), error.text);
        return tree_is_whole(tree) ? "" : "BROKEN TREE";
    }
};

std::string answer(const std::string &line) {
    std::vector<std::string> fields;
    for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = line.find('\t', begin);
        fields.push_back(line.substr(begin, end - begin));
    }
    if (fields.size() < 3)
        return "expected a mapping, bytes and schemas";
    const std::string bytes = unhex(fields[1]);
    const std::vector<std::string_view> schemas(fields.begin() + 2, fields.end());
    WantedValue whole;
    whole.whole = true;
    Reading all, some;
    std::string problem = all.read(whole, schemas, bytes);
    if (!problem.empty())
        return problem;
    if (fields[0] == "whole")
        return show(all.tree, 0);
    MappingError refusal;
    const Mappings mapping(mapping_compile(fields[0], &refusal), mapping_destroy);
    if (mapping == nullptr)
        return refused("MAPPING", refusal.problem);
    const WantedValue wanted = wanted_values(*mapping, PlaceRoot::value);
    const std::string reduced = some.read(wanted, schemas, bytes);
    if (!reduced.empty())
        return "REDUCED " + reduced;
    if (!same_places(all.tree, 0, some.tree, 0, wanted))
        return "DIFFERS: " + show(some.tree, 0) + " of " + show(all.tree, 0);
    return show(all.tree, 0);
}

} // namespace

int main() {
    std::string line;
    while (std::getline(std::cin, line))
        std::cout << answer(line) << '\n';
    return EXIT_SUCCESS;
}
