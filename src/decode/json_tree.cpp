// Parses JSON with simdjson, and copies the result into the tree. Only this file includes simdjson. If
// simdjson refuses a text, json_explain() looks for the position of the error.
#include "decode/json_tree.h"

#include "decode/json_fault.h"
#include "decode/mapping_limits.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <simdjson.h>

namespace heartbeat {

namespace {

namespace dom = simdjson::dom;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// The first use of simdjson allocates memory, and a failed allocation would end the process. So this line
// uses simdjson when the server loads heartbeat's library, and not while a worker decodes messages.
[[maybe_unused]] const bool is_prepared = !simdjson::get_active_implementation()->name().empty();

enum class Build : uint8_t { done, repeated_name, too_many, zero_character };

// Copies simdjson's values into the tree. add() calls itself for inner values. The parser refuses JSON with
// too many levels, so this recursion has a limit.
class TreeBuilder {
  public:
    TreeBuilder(ValueTree *tree, std::vector<std::string_view> *names, bool may_repeat_names, bool has_zero)
        : tree_(*tree), names_(*names), may_repeat_names_(may_repeat_names), has_zero_(has_zero) {}

    Build build(const dom::element &root) {
        tree_.clear();
        return add({}, root);
    }

  private:
    Build add(std::string_view name, const dom::element &value) {
        if (tree_.size() == message_values_max)
            return Build::too_many;
        const auto index = static_cast<uint32_t>(tree_.size());
        ValueNode &node = tree_.emplace_back();
        node.name_data = name.data();
        node.name_size = static_cast<uint32_t>(name.size());
        node.size = 0;
        node.end = index + 1;
        switch (value.type()) {
        case dom::element_type::ARRAY:
            node.type = ValueType::array;
            return add_children(index, dom::array(value));
        case dom::element_type::OBJECT:
            node.type = ValueType::object;
            return add_members(index, dom::object(value));
        default:
            return set_scalar(&node, value);
        }
    }

    Build set_scalar(ValueNode *node, const dom::element &value) {
        switch (value.type()) {
        case dom::element_type::STRING: {
            const std::string_view text = value.get_string().value_unsafe();
            node->type = ValueType::string;
            node->text_data = text.data();
            node->size = static_cast<uint32_t>(text.size());
            return has_zero_ && text.find('\0') != text.npos ? Build::zero_character : Build::done;
        }
        case dom::element_type::INT64:
            node->type = ValueType::integer;
            node->integer = value.get_int64().value_unsafe();
            break;
        case dom::element_type::UINT64:
            node->type = ValueType::unsigned_integer;
            node->unsigned_integer = value.get_uint64().value_unsafe();
            break;
        case dom::element_type::DOUBLE:
            node->type = ValueType::real;
            node->real = value.get_double().value_unsafe();
            break;
        case dom::element_type::BOOL:
            node->type = ValueType::boolean;
            node->boolean = value.get_bool().value_unsafe();
            break;
        default:
            node->type = ValueType::null;
        }
        return Build::done;
    }

    Build add_children(uint32_t index, const dom::array &array) {
        uint32_t count = 0;
        for (const dom::element child : array) {
            const Build result = add({}, child);
            if (result != Build::done)
                return result;
            count++;
        }
        return close(index, count);
    }

    Build add_members(uint32_t index, const dom::object &object) {
        uint32_t count = 0;
        for (const dom::key_value_pair member : object) {
            if (has_zero_ && member.key.find('\0') != member.key.npos)
                return Build::zero_character;
            const Build result = add(member.key, member.value);
            if (result != Build::done)
                return result;
            count++;
        }
        close(index, count);
        return !may_repeat_names_ && value_repeats_name(tree_, index, &names_) ? Build::repeated_name
                                                                               : Build::done;
    }

    Build close(uint32_t index, uint32_t count) {
        tree_[index].size = count;
        tree_[index].end = static_cast<uint32_t>(tree_.size());
        return Build::done;
    }

    ValueTree &tree_;
    std::vector<std::string_view> &names_;
    const bool may_repeat_names_;
    const bool has_zero_; // true: a string of the text possibly contains U+0000
};

const char *reason(Build result) {
    return result == Build::repeated_name ? "a key is repeated in one object"
                                          : "a string contains the character U+0000";
}

const char *reason(simdjson::error_code code) {
    switch (code) {
    case simdjson::DEPTH_ERROR:
        return "nested too deeply";
    case simdjson::UTF8_ERROR:
        return "invalid UTF-8";
    case simdjson::NUMBER_ERROR:
        return "a malformed number";
    default:
        return "syntax error";
    }
}

// Newer versions of simdjson have a separate error code for an integer that does not fit into 64 bits.
template <typename Code> bool is_number_error(Code code) {
    if constexpr (requires { Code::BIGINT_ERROR; })
        if (code == Code::BIGINT_ERROR)
            return true;
    return code == Code::NUMBER_ERROR;
}

// Returns `size` plus room for later texts that are slightly larger. For a giant text, returns only `size`.
size_t room_for(size_t size) {
    constexpr size_t least = 1024;
    return size > message_bytes_kept ? size : std::max(size + size / 2, least);
}

bool fail_out_of_memory(DecodeError *error) {
    return decode_fail(error, DecodeErrorCode::out_of_memory, "out of memory while reading JSON");
}

} // namespace

struct JsonTree::Parser {
    dom::parser parser;
    std::vector<char> text; // longer than the JSON, because simdjson reads a few bytes beyond the JSON's end
};

JsonTree::JsonTree() noexcept = default;
JsonTree::~JsonTree() = default;
JsonTree::JsonTree(JsonTree &&) noexcept = default;
JsonTree &JsonTree::operator=(JsonTree &&) noexcept = default;

bool JsonTree::parse(std::string_view text, const char *what, DecodeError *error,
                     bool may_repeat_names) noexcept {
    try {
        return read(text, what, error, may_repeat_names);
    } catch (...) {
        return fail_out_of_memory(error);
    }
}

bool JsonTree::read(std::string_view text, const char *what, DecodeError *error, bool may_repeat_names) {
    if (text.size() > message_bytes_max)
        return decode_fail(error, DecodeErrorCode::invalid_json, "%s has %zu bytes; expected at most %zu",
                           what, text.size(), message_bytes_max);
    // only newer versions of simdjson accept a byte order mark, so refuse the mark with every version
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark)
        return json_explain(text, what, {"a byte order mark", false}, error);
    if (parser_ == nullptr)
        parser_ = std::make_unique<Parser>();
    if (parser_->text.size() < text.size() + simdjson::SIMDJSON_PADDING) {
        const size_t size = room_for(text.size());
        if (parser_->parser.allocate(size, message_depth_max) != simdjson::SUCCESS) {
            parser_.reset(); // after a failed allocate(), the parser would have another limit of depth
            return fail_out_of_memory(error);
        }
        parser_->text.resize(size + simdjson::SIMDJSON_PADDING);
    }
    char *const copy = parser_->text.data();
    std::memcpy(copy, text.data(), text.size());
    std::memset(copy + text.size(), 0, simdjson::SIMDJSON_PADDING);

    dom::element root;
    const simdjson::error_code code = parser_->parser.parse(copy, text.size(), false).get(root);
    if (code == simdjson::MEMALLOC)
        return fail_out_of_memory(error);
    if (code != simdjson::SUCCESS)
        return json_explain(text, what, {reason(code), is_number_error(code)}, error);

    // JSON can contain U+0000 only as the escape \u0000. If the text has no such escape, TreeBuilder does not
    // search the strings for U+0000
    const bool has_zero = text.find("\\u0000") != text.npos;
    const Build result = TreeBuilder(&tree_, &names_, may_repeat_names, has_zero).build(root);
    if (result == Build::too_many)
        return decode_fail(error, DecodeErrorCode::invalid_json, "%s has more than %zu JSON values", what,
                           message_values_max);
    return result == Build::done || json_explain(text, what, {reason(result), false}, error);
}

void JsonTree::release_giant() noexcept {
    if (parser_ != nullptr &&
        parser_->text.size() > room_for(message_bytes_kept) + simdjson::SIMDJSON_PADDING)
        parser_.reset();
    if (tree_.capacity() > message_values_kept)
        ValueTree().swap(tree_);
    if (names_.capacity() > message_values_kept)
        std::vector<std::string_view>().swap(names_);
}

} // namespace heartbeat
