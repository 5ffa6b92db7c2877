// Reads the values that contain no other values, such as numbers and texts, into the tree. The functions of
// AvroValues for records, arrays and maps are in avro_containers.cpp.
#include "decode/avro_values.h"

#include "decode/avro_decimal.h"
#include "decode/utf8_text.h"

#include <bit>
#include <cmath>
#include <new>

namespace heartbeat {

namespace {

constexpr size_t uuid_size = 16;
constexpr size_t uuid_text_size = 36;

// Returns the number that `bytes` contains. The lowest byte of the number comes first.
uint64_t little_endian(std::string_view bytes) {
    uint64_t bits = 0;
    for (size_t i = bytes.size(); i-- > 0;)
        bits = bits << 8U | static_cast<unsigned char>(bytes[i]);
    return bits;
}

void write_uuid(std::string_view bytes, char *to) {
    constexpr char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size(); i++) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[byte >> 4U];
        *to++ = digits[byte & 15U];
    }
}

void set_text(ValueNode *node, ValueType type, std::string_view text) {
    node->type = type;
    node->text_data = text.data();
    node->size = static_cast<uint32_t>(text.size());
}

} // namespace

bool AvroValues::read() {
    tree_.clear();
    if (!take(plan_.root, {}))
        return false;
    return cursor_.left() == 0 ||
           cursor_.fail("bytes after the value", "no more bytes (perhaps the message has another schema)");
}

bool AvroValues::fail_values() {
    static_assert(message_values_max == 1048576);
    return cursor_.fail("too many values", "at most 1048576 values");
}

bool AvroValues::take(const AvroStep &step, std::string_view name) {
    if (step.op == AvroOp::choice) {
        uint32_t branch;
        return cursor_.choice(step.count, &branch) && take(plan_.steps[step.first + branch], name);
    }
    if (tree_.size() == message_values_max)
        return fail_values();
    const auto index = static_cast<uint32_t>(tree_.size());
    ValueNode &node = tree_.emplace_back();
    node.name_data = name.data();
    node.name_size = static_cast<uint32_t>(name.size());
    node.end = index + 1;
    if (step.op >= AvroOp::array)
        return take_container(step, index);
    const size_t offset = cursor_.offset();
    return take_scalar(step, &node) || cursor_.fail_from(offset);
}

bool AvroValues::take_scalar(const AvroStep &step, ValueNode *node) {
    std::string_view bytes;
    uint32_t symbol;
    switch (step.op) {
    case AvroOp::boolean:
        if (!cursor_.bytes(1, &bytes))
            return false;
        node->type = ValueType::boolean;
        node->boolean = bytes[0] == 1;
        return bytes[0] == 0 || bytes[0] == 1 || cursor_.fail("a boolean that is neither 0 nor 1", "0 or 1");
    case AvroOp::integer:
    case AvroOp::long_integer:
        return take_integer(step, node);
    case AvroOp::float_real:
        return take_real(sizeof(float), node);
    case AvroOp::double_real:
        return take_real(sizeof(double), node);
    case AvroOp::string:
        if (!cursor_.text(&bytes))
            return false;
        set_text(node, ValueType::string, bytes);
        return utf8_is_text(bytes.data(), bytes.size()) ||
               cursor_.fail("a string that is not valid text", "UTF-8 without the character U+0000");
    case AvroOp::bytes:
        if (!cursor_.text(&bytes))
            return false;
        set_text(node, ValueType::bytes, bytes);
        return true;
    case AvroOp::fixed:
        if (!cursor_.bytes(step.size, &bytes))
            return false;
        set_text(node, ValueType::bytes, bytes);
        return true;
    case AvroOp::decimal:
    case AvroOp::fixed_decimal:
        return take_decimal(step, node);
    case AvroOp::fixed_uuid:
        return take_uuid(node);
    case AvroOp::enumeration:
        if (const std::vector<std::string> &symbols = schema_.types[step.first].symbols;
            cursor_.choice(static_cast<uint32_t>(symbols.size()), &symbol)) {
            set_text(node, ValueType::string, symbols[symbol]);
            return true;
        }
        return false;
    default:
        node->type = ValueType::null;
        return true;
    }
}

bool AvroValues::take_integer(const AvroStep &step, ValueNode *node) {
    int64_t value = 0;
    if (!cursor_.integer(&value))
        return false;
    node->type = ValueType::integer;
    node->integer = value;
    node->size = step.size;
    return step.op == AvroOp::long_integer || (value >= INT32_MIN && value <= INT32_MAX) ||
           cursor_.fail("a number of more than 32 bits", "an int of 32 bits");
}

bool AvroValues::take_real(size_t size, ValueNode *node) {
    std::string_view bytes;
    if (!cursor_.bytes(size, &bytes))
        return false;
    const uint64_t bits = little_endian(bytes);
    node->type = ValueType::real;
    node->real = size == sizeof(double) ? std::bit_cast<double>(bits)
                                        : double{std::bit_cast<float>(static_cast<uint32_t>(bits))};
    return std::isfinite(node->real) || cursor_.fail("a number that is not finite", "a finite number",
                                                     DecodeErrorCode::number_out_of_range);
}

bool AvroValues::take_decimal(const AvroStep &step, ValueNode *node) {
    std::string_view bytes;
    if (!(step.op == AvroOp::decimal ? cursor_.text(&bytes) : cursor_.bytes(step.size, &bytes)))
        return false;
    static_assert(avro_decimal_bytes_max == 64);
    node->type = ValueType::real;
    return avro_decimal(bytes, step.count, &node->real) ||
           cursor_.fail("a decimal of more than 64 bytes", "at most 64 bytes",
                        DecodeErrorCode::number_out_of_range);
}

bool AvroValues::take_uuid(ValueNode *node) {
    std::string_view bytes;
    if (!cursor_.bytes(uuid_size, &bytes))
        return false;
    char *const text = memory_.made.room(uuid_text_size);
    if (text == nullptr && !memory_.made.full())
        throw std::bad_alloc();
    if (text == nullptr)
        return cursor_.fail("too many UUIDs", "fewer");
    memory_.made.take(uuid_text_size);
    write_uuid(bytes, text);
    set_text(node, ValueType::string, {text, uuid_text_size});
    return true;
}

} // namespace heartbeat
