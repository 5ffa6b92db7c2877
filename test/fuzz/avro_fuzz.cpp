// Fuzzing: any bytes with any Avro schema and any mapping give a tree within the limits, or a printable
// error. A tree that has only the values that the mapping wants must agree with the tree of all values at
// each place of the mapping. The input has two parts that end with a NUL: the schemas, and the mapping. The
// rest of the input is the message. Schemas are separated by the character U+001E.
#include "../formats/same_places.h"
#include "decode/confluent_frame.h"
#include "decode/mapping_compile.h"
#include "decode/presets.h"
#include "decode/schema_reader.h"
#include "decode/utf8_text.h"
#include "require.h"

#include <cmath>
#include <cstring>
#include <memory>

namespace {

using namespace heartbeat;

constexpr char separator = '\x1e';

void check_text(const char *text, size_t capacity) {
    const size_t size = strnlen(text, capacity);
    require(size > 0 && size < capacity);
    for (size_t i = 0; i < size; i++)
        require(text[i] >= ' ' && text[i] <= '~');
}

void check_node(const ValueNode &node, bool is_member) {
    require(!is_member || utf8_is_text(node.name_data, node.name_size));
    require(node.type != ValueType::string || utf8_is_text(node.text_data, node.size));
    require(node.type != ValueType::real || std::isfinite(node.real));
    require(node.type != ValueType::integer || node.size <= static_cast<uint32_t>(TimeScale::day_ns));
}

void check_tree(const ValueTree &tree) {
    require(tree_is_whole(tree) && tree.size() <= message_values_max);
    for (const ValueNode &node : tree)
        check_node(node, node.name_size > 0);
    std::vector<std::string_view> names;
    for (uint32_t i = 0; i < tree.size(); i++)
        require(tree[i].type != ValueType::object || !value_repeats_name(tree, i, &names));
}

// A reader, and the tree that this reader has made from the bytes.
struct Reading {
    Reading(const std::vector<std::string_view> &schemas, const WantedValue &wanted, std::string_view bytes) {
        SchemaError refused;
        std::memset(&refused, '#', sizeof(refused));
        reader.reset(avro_reader(schemas, wanted, &refused));
        if (reader == nullptr) {
            require(!refused.out_of_memory);
            check_text(refused.text, sizeof(refused.text));
            return;
        }
        DecodeError error;
        std::memset(&error, '#', sizeof(error));
        is_read = reader->read(bytes, "payload", &memory, &tree, &error);
        if (is_read) {
            check_tree(tree);
        } else {
            require(error.code == DecodeErrorCode::invalid_avro ||
                    error.code == DecodeErrorCode::number_out_of_range);
            check_text(error.text, sizeof(error.text));
        }
    }

    std::unique_ptr<SchemaReader> reader;
    ReaderMemory memory;
    ValueTree tree;
    bool is_read = false;
};

std::string_view take_part(std::string_view *input, char end_mark) {
    const size_t end = std::min(input->find(end_mark), input->size());
    const std::string_view part = input->substr(0, end);
    input->remove_prefix(std::min(end + 1, input->size()));
    return part;
}

void check_frame(std::string_view bytes) {
    ConfluentFrame frame;
    DecodeError error;
    if (confluent_frame_read(bytes, "payload", DecodeErrorCode::invalid_avro, &frame, &error))
        require(frame.schema_id >= 0 && frame.body.size() + 5 == bytes.size());
    else
        check_text(error.text, sizeof(error.text));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input{reinterpret_cast<const char *>(data), size};
    std::string_view all_schemas = take_part(&input, '\0');
    const std::string_view json = take_part(&input, '\0');
    std::vector<std::string_view> schemas;
    do
        schemas.push_back(take_part(&all_schemas, separator));
    while (!all_schemas.empty());
    check_frame(input);

    MappingError refused;
    const Mapping *mapping = mapping_compile(json, &refused);
    if (mapping == nullptr)
        mapping = mapping_compile(presets()[json.size() % presets().size()].mapping, &refused);
    const std::unique_ptr<const Mapping, void (*)(const Mapping *)> owner(mapping, mapping_destroy);
    const WantedValue wanted = wanted_values(*mapping, PlaceRoot::value);
    WantedValue whole;
    whole.whole = true;

    const Reading some(schemas, wanted, input), all(schemas, whole, input);
    require((some.reader == nullptr) == (all.reader == nullptr));
    // if the reader of all values accepts the message, the reader of the wanted values must accept it too
    require(some.is_read || !all.is_read);
    if (all.is_read)
        require(same_places(all.tree, 0, some.tree, 0, wanted));
    return 0;
}
