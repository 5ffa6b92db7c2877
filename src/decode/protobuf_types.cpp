// The encoding of each type, and the default values of fields. Descriptors contain the default values as
// texts.
#include "decode/protobuf_types.h"

#include "decode/utf8_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace heartbeat {

namespace {

void set_text(std::string_view text, ValueType type, ValueNode *node) {
    node->type = type;
    node->text_data = text.data();
    node->size = static_cast<uint32_t>(text.size());
}

template <typename Number> bool parse(std::string_view text, Number *number) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *number);
    return code == std::errc() && end == text.data() + text.size();
}

bool set_real(std::string_view text, bool is_float, ValueNode *node) {
    node->type = ValueType::real;
    if (!parse(text, &node->real))
        return false;
    if (is_float)
        node->real = static_cast<float>(node->real);
    return std::isfinite(node->real);
}

void set_integer(int64_t number, ValueNode *node) {
    node->type = ValueType::integer;
    node->integer = number;
}

int64_t zigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1U) ^ -static_cast<int64_t>(value & 1U);
}

bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

// A descriptor contains the default of a bytes field in the form of a string literal of C. Protobuf compilers
// write an octal escape for each byte that is not printable.
std::string unescape(std::string_view text) {
    constexpr std::string_view letters = "abfnrtv", bytes = "\a\b\f\n\r\t\v";
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            result += text[i];
            continue;
        }
        ++i;
        if (is_octal(text[i])) {
            unsigned value = 0;
            size_t digits = 0;
            for (; digits < 3 && i + digits < text.size() && is_octal(text[i + digits]); ++digits)
                value = value * 8 + static_cast<unsigned>(text[i + digits] - '0');
            result += static_cast<char>(value);
            i += digits - 1;
            continue;
        }
        const size_t letter = letters.find(text[i]);
        result += letter == letters.npos ? text[i] : bytes[letter];
    }
    return result;
}

} // namespace

WireType protobuf_wire(ProtobufType type) noexcept {
    switch (type) {
    case ProtobufType::float64:
    case ProtobufType::fixed64:
    case ProtobufType::sfixed64:
        return WireType::fixed64;
    case ProtobufType::float32:
    case ProtobufType::fixed32:
    case ProtobufType::sfixed32:
        return WireType::fixed32;
    case ProtobufType::string:
    case ProtobufType::bytes:
    case ProtobufType::message:
        return WireType::bytes;
    case ProtobufType::group:
        return WireType::group;
    default:
        return WireType::varint;
    }
}

void protobuf_set_zero(ProtobufType type, ValueNode *node) noexcept {
    switch (type) {
    case ProtobufType::float64:
    case ProtobufType::float32:
        node->type = ValueType::real;
        node->real = 0;
        break;
    case ProtobufType::boolean:
        node->type = ValueType::boolean;
        node->boolean = false;
        break;
    case ProtobufType::string:
        set_text("", ValueType::string, node);
        break;
    case ProtobufType::bytes:
        set_text("", ValueType::bytes, node);
        break;
    default:
        node->type = ValueType::integer;
        node->integer = 0;
    }
}

bool protobuf_set_default(const ProtobufField &field, std::string *text, ValueNode *node) {
    const std::string_view value = field.default_text;
    switch (field.type) {
    case ProtobufType::float64:
    case ProtobufType::float32:
        return set_real(value, field.type == ProtobufType::float32, node);
    case ProtobufType::boolean:
        node->type = ValueType::boolean;
        node->boolean = value == "true";
        return true;
    case ProtobufType::bytes:
        *text = unescape(value);
        set_text(*text, ValueType::bytes, node);
        return true;
    case ProtobufType::string:
        *text = value;
        set_text(*text, ValueType::string, node);
        return utf8_is_text(text->data(), text->size());
    case ProtobufType::uint64:
    case ProtobufType::fixed64: {
        uint64_t number = 0;
        const bool is_number = parse(value, &number);
        protobuf_set_unsigned(number, node);
        return is_number;
    }
    default:
        node->type = ValueType::integer;
        return parse(value, &node->integer);
    }
}

void protobuf_set_enum(const ProtobufField &field, const ProtobufEnum &type, const ProtobufPlanEnum &names,
                       ValueNode *node) noexcept {
    int32_t number = type.values.front().number;
    for (const ProtobufEnum::Value &value : type.values)
        if (field.has_default && value.name == field.default_text)
            number = value.number;
    set_text(names.name(number), ValueType::string, node);
}

ProtobufPlanEnum protobuf_plan_enum(const ProtobufEnum &type, std::deque<std::string> *texts) {
    ProtobufPlanEnum made;
    made.is_closed = type.is_closed;
    for (const ProtobufEnum::Value &value : type.values)
        made.values.emplace_back(value.number, texts->emplace_back(value.name));
    // If two names of an enum have the same number, ProtobufPlanEnum::name() returns the first one, so a
    // stable sort is necessary.
    std::stable_sort(made.values.begin(), made.values.end(),
                     [](const auto &left, const auto &right) { return left.first < right.first; });
    return made;
}

void protobuf_set_number(ProtobufType type, uint64_t value, ValueNode *node) noexcept {
    switch (type) {
    case ProtobufType::uint64:
    case ProtobufType::fixed64:
        return protobuf_set_unsigned(value, node);
    case ProtobufType::uint32:
    case ProtobufType::fixed32:
        return set_integer(static_cast<uint32_t>(value), node);
    case ProtobufType::sint32:
        return set_integer(zigzag(static_cast<uint32_t>(value)), node);
    case ProtobufType::sint64:
        return set_integer(zigzag(value), node);
    case ProtobufType::int32:
    case ProtobufType::sfixed32:
        return set_integer(static_cast<int32_t>(value), node);
    default:
        return set_integer(static_cast<int64_t>(value), node);
    }
}

} // namespace heartbeat
