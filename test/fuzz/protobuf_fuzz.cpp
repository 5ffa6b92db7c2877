// Fuzzing: any bytes with any descriptors and any wanted values give a tree within its limits, or a printable
// error. At each wanted place, the tree of the wanted values and the tree of all values have the same values.
// The first byte of the input has two flags: bit 0 is set if the message has a frame, and bit 1 if the
// harness's own descriptors have the syntax proto3. The next four bytes are two sizes: the size of the
// descriptors, and the size of the list of places (see places.h). Then come the descriptors, this list and
// the message. If the size of the descriptors is 0, the harness uses its own descriptors.
#include "../formats/places.h"
#include "decode/schema_reader.h"
#include "decode/utf8_text.h"
#include "require.h"

#include <cmath>
#include <cstring>
#include <memory>

namespace {

using namespace heartbeat;

std::string field(const std::string &name, char number, char type, char label, const std::string &type_name,
                  const std::string &more = "") {
    std::string text = std::string("\x0A") + static_cast<char>(name.size()) + name + "\x18" + number +
                       "\x20" + label + "\x28" + type + more;
    if (!type_name.empty())
        text += std::string("\x32") + static_cast<char>(type_name.size()) + type_name;
    return std::string("\x12") + static_cast<char>(text.size()) + text;
}

std::string sized(char tag, const std::string &text) {
    std::string size;
    size_t left = text.size();
    for (; left > 127; left >>= 7U)
        size += static_cast<char>((left & 127U) | 128U);
    return std::string(1, tag) + size + static_cast<char>(left) + text;
}

// A recursive message in proto2 or proto3, with fields of most kinds.
std::string own_descriptors(bool is_proto3) {
    const std::string in_oneof("\x48\0", 2);
    std::string message =
        sized(0x0A, "M") + field("n", 1, 5, 1, "") + field("d", 2, 1, 1, "") + field("s", 3, 9, 1, "") +
        field("m", 4, 11, 1, ".p.M") + field("l", 5, 11, 3, ".p.M") + field("p", 6, 17, 3, "") +
        field("e", 7, 14, 3, ".p.E") + field("k", 8, 11, 3, ".p.M.K") + field("o", 9, 4, 1, "", in_oneof) +
        field("q", 10, 11, 1, ".p.M", in_oneof) + field("t", 11, 11, 1, ".google.protobuf.Timestamp") +
        field("long_name", 12, 12, 1, "");
    if (!is_proto3)
        message += field("g", 13, 10, 1, ".p.M");
    message += sized(0x1A, sized(0x0A, "K") + field("key", 1, 3, 1, "") + field("value", 2, 11, 1, ".p.M") +
                               sized(0x3A, "\x38\x01")) +
               sized(0x42, sized(0x0A, "c"));
    const std::string type = sized(0x0A, "E") + sized(0x12, sized(0x0A, "Z") + std::string("\x10\0", 2)) +
                             sized(0x12, sized(0x0A, "O") + "\x10\x01");
    const std::string time =
        sized(0x0A, "Timestamp") + field("seconds", 1, 3, 1, "") + field("nanos", 2, 5, 1, "");
    return sized(0x0A, sized(0x12, "google.protobuf") + sized(0x22, time) + sized(0x62, "proto3")) +
           sized(0x0A, sized(0x12, "p") + sized(0x22, message) + sized(0x2A, type) +
                           sized(0x62, is_proto3 ? "proto3" : "proto2"));
}

void check_text(const char *text, size_t size) {
    const size_t length = strnlen(text, size);
    require(length > 0 && length < size);
    for (size_t i = 0; i < length; ++i)
        require(text[i] >= ' ' && text[i] <= '~');
}

// Checks the nodes from `index` on, and returns the index after the last descendant.
uint32_t check_node(const ValueTree &tree, uint32_t index, uint32_t depth) {
    const ValueNode &node = tree[index];
    require(depth <= message_depth_max);
    require(node.type != ValueType::real || std::isfinite(node.real));
    require(node.type != ValueType::string || utf8_is_text(node.text().data(), node.size));
    require(node.type != ValueType::unsigned_integer || node.unsigned_integer > INT64_MAX);
    require(utf8_is_text(node.name_data, node.name_size));
    uint32_t child = index + 1, count = 0;
    for (; node.is_container() && child < node.end; ++count)
        child = check_node(tree, child, depth + 1);
    require(child == node.end && node.end <= tree.size() && (!node.is_container() || count == node.size));
    return child;
}

bool read(const SchemaReader &reader, std::string_view message, ReaderMemory *memory, ValueTree *tree) {
    DecodeError error;
    std::memset(&error, '#', sizeof(error));
    memory->made.clear();
    if (!reader.read(message, "payload", memory, tree, &error)) {
        require(error.code == DecodeErrorCode::invalid_protobuf ||
                error.code == DecodeErrorCode::invalid_timestamp ||
                error.code == DecodeErrorCode::number_out_of_range);
        check_text(error.text, sizeof(error.text));
        return false;
    }
    require(!tree->empty() && tree->size() <= message_values_max);
    require(check_node(*tree, 0, 0) == tree->size());
    return true;
}

std::unique_ptr<SchemaReader> make(std::string_view descriptors, bool is_framed, const WantedValue &wanted) {
    SchemaError error;
    std::memset(&error, '#', sizeof(error));
    std::unique_ptr<SchemaReader> reader(protobuf_reader(descriptors, is_framed, wanted, &error));
    if (reader == nullptr) {
        require(!error.out_of_memory);
        check_text(error.text, sizeof(error.text));
    }
    return reader;
}

size_t take_size(const uint8_t *data) {
    return data[0] + size_t{256} * data[1];
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const std::string own[] = {own_descriptors(false), own_descriptors(true)};
    constexpr size_t head = 5;
    if (size < head)
        return 0;
    std::string_view input{reinterpret_cast<const char *>(data) + head, size - head};
    const std::string descriptors(input.substr(0, take_size(data + 1)));
    input.remove_prefix(descriptors.size());
    const std::string_view places = input.substr(0, take_size(data + 3));
    input.remove_prefix(places.size());
    const bool is_framed = (data[0] & 1U) != 0;
    const std::string &used = descriptors.empty() ? own[(data[0] & 2U) != 0] : descriptors;

    const auto reader = make(used, is_framed, wanted_of(places));
    const auto whole = make(used, is_framed, wanted_of(places, true));
    require(!descriptors.empty() || (reader != nullptr && whole != nullptr));
    if (reader == nullptr || whole == nullptr)
        return 0;
    ReaderMemory memory, whole_memory;
    ValueTree tree, whole_tree, again;
    const bool is_read = read(*reader, input, &memory, &tree);
    if (read(*whole, input, &whole_memory, &whole_tree)) {
        require(is_read);
        for (const auto &[place, is_time] : places_of(places))
            require(finds_same(place, 0, tree, 0, whole_tree, 0));
    }
    ReaderMemory other;
    require(read(*reader, input, &other, &again) == is_read);
    require(!is_read || equal_values(tree, 0, again, 0));
    return 0;
}
