// Adds numbers, texts, enums and times to the tree of a Protobuf message.
#include "decode/protobuf_tree.h"
#include "decode/protobuf_types.h"
#include "decode/utf8_text.h"

#include <bit>
#include <cmath>

namespace heartbeat {

namespace {

void set_integer(int64_t number, ValueNode *node) {
    node->type = ValueType::integer;
    node->integer = number;
}

void set_text(ValueType type, std::string_view text, ValueNode *node) {
    node->type = type;
    node->text_data = text.data();
    node->size = static_cast<uint32_t>(text.size());
}

} // namespace

bool ProtobufTreeBuilder::fail_value(const Field &field, DecodeErrorCode code, const char *fault) {
    return decode_fail(error_, code, "the field %.60s of %.80s in %s %s", field.name.data(),
                       current_->name.data(), what_, fault);
}

bool ProtobufTreeBuilder::scalar(const Field &field, uint64_t value, std::string_view bytes,
                                 ValueNode *node) {
    switch (field.type) {
    case ProtobufType::float64:
    case ProtobufType::float32:
        node->type = ValueType::real;
        node->real = field.type == ProtobufType::float64 ? std::bit_cast<double>(value)
                                                         : std::bit_cast<float>(static_cast<uint32_t>(value));
        return std::isfinite(node->real) ||
               fail_value(field, DecodeErrorCode::number_out_of_range,
                          "is infinite or not a number; expected a finite number");
    case ProtobufType::boolean:
        node->type = ValueType::boolean;
        node->boolean = value != 0;
        return true;
    case ProtobufType::string:
        set_text(ValueType::string, bytes, node);
        return utf8_is_text(bytes.data(), bytes.size()) ||
               fail_value(field, DecodeErrorCode::invalid_protobuf,
                          "is not a text; expected UTF-8 without the character U+0000");
    case ProtobufType::bytes:
        set_text(ValueType::bytes, bytes, node);
        return true;
    case ProtobufType::enumeration: {
        const auto number = static_cast<int32_t>(value);
        const std::string_view name = plan_.enums[field.enumeration].name(number);
        name.data() == nullptr ? set_integer(number, node) : set_text(ValueType::string, name, node);
        return true;
    }
    default:
        protobuf_set_number(field.type, value, node);
        return true;
    }
}

// The first field of a Timestamp counts seconds since 1970. The second field counts the additional
// nanoseconds.
bool ProtobufTreeBuilder::time(std::string_view name, const ProtobufPlanMessage &message, size_t first) {
    constexpr int64_t seconds_min = -62'135'596'800, seconds_max = 253'402'300'799; // years 0001 to 9999
    constexpr int64_t nanos_max = 999'999'999, nanos_per_microsecond = 1000, microseconds = 1'000'000;
    const Field &seconds_field = message.fields[0], &nanos_field = message.fields[1];
    const auto seconds = static_cast<int64_t>(slot(first, seconds_field).value);
    const int64_t nanos = static_cast<int32_t>(slot(first, nanos_field).value);
    if (seconds < seconds_min || seconds > seconds_max)
        return fail_value(seconds_field, DecodeErrorCode::invalid_timestamp,
                          "is out of range; expected a time in the years 0001 to 9999");
    if (nanos < 0 || nanos > nanos_max)
        return fail_value(nanos_field, DecodeErrorCode::invalid_timestamp,
                          "is out of range; expected 0 to 999999999 nanoseconds");
    ValueNode *const node = add(name);
    if (node == nullptr)
        return false;
    set_integer(seconds * microseconds + (nanos + nanos_per_microsecond / 2) / nanos_per_microsecond, node);
    node->size = static_cast<uint32_t>(TimeScale::instant_us);
    return true;
}

} // namespace heartbeat
