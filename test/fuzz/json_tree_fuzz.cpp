// Fuzzing: JsonTree accepts the texts that jansson accepts, and reads the same values. JsonTree refuses all
// other texts with an error that can be shown. The exceptions are at the end of this file.
#include "decode/json_arena.h"
#include "decode/json_tree.h"
#include "require.h"

#include <cstring>
#include <string_view>

namespace {

using namespace heartbeat;

void check_same(const ValueTree &tree, uint32_t index, const json_t *value) {
    const ValueNode &node = tree[index];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        require(node.type == ValueType::object && node.size == json_object_size(value));
        for (uint32_t child = index + 1; child != node.end; child = tree[child].end) {
            const json_t *const member =
                json_object_getn(value, tree[child].name_data, tree[child].name_size);
            require(member != nullptr && value_member(tree, index, tree[child].name()) == child);
            check_same(tree, child, member);
        }
        return;
    case JSON_ARRAY: {
        require(node.type == ValueType::array && node.size == json_array_size(value));
        uint32_t child = index + 1;
        for (size_t i = 0; i < json_array_size(value); i++, child = tree[child].end)
            check_same(tree, child, json_array_get(value, i));
        require(child == node.end);
        return;
    }
    case JSON_STRING:
        require(node.type == ValueType::string &&
                node.text() == std::string_view(json_string_value(value), json_string_length(value)));
        return;
    case JSON_INTEGER:
        require(node.type == ValueType::integer && node.integer == json_integer_value(value));
        return;
    case JSON_REAL:
        require(node.type == ValueType::real && node.real == json_real_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        require(node.type == ValueType::boolean && node.boolean == json_is_true(value));
        return;
    case JSON_NULL:
        require(node.type == ValueType::null);
    }
}

void check_error(const DecodeError &error) {
    require(error.code == DecodeErrorCode::invalid_json ||
            error.code == DecodeErrorCode::number_out_of_range);
    const size_t size = strnlen(error.text, sizeof(error.text));
    require(size > 0 && size < sizeof(error.text));
    for (size_t i = 0; i < size; ++i)
        require(error.text[i] >= ' ' && error.text[i] <= '~');
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static JsonTree tree;
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    DecodeError error;
    std::memset(&error, '#', sizeof(error));
    const bool accepted = tree.parse(text, "payload", &error);
    if (!accepted)
        check_error(error);

    JsonArena arena;
    json_error_t cause{};
    bool out_of_memory = false;
    const json_t *const value = arena.load(text.data(), text.size(), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                                           &cause, &out_of_memory);
    require(!out_of_memory);
    if (value != nullptr && accepted)
        check_same(tree.tree(), 0, value);
    else if (value != nullptr) // only jansson accepts texts that are nested more deeply than the tree
                               // allows, and texts with a zero byte after a number
        require(strstr(error.text, "nested too deeply") != nullptr || text.find('\0') != text.npos);
    else if (accepted) // only the tree accepts integers that fit into uint64_t, but not into int64_t
        require(json_error_code(&cause) == json_error_numeric_overflow);
    return 0;
}
