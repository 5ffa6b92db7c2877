// Applies the logical types of a schema. Values with the logical type "duration" or "big-decimal" stay bytes,
// because no field of a reading accepts such values. Each "big-decimal" value contains its own scale.
#include "decode/avro_logical.h"

#include <cmath>

namespace heartbeat {

namespace {

struct TimeType {
    std::string_view name;
    AvroKind kind;
    TimeScale scale;
};

constexpr TimeType time_types[] = {
    {"date", AvroKind::integer, TimeScale::days},
    {"time-millis", AvroKind::integer, TimeScale::day_ms},
    {"time-micros", AvroKind::long_integer, TimeScale::day_us},
    {"time-nanos", AvroKind::long_integer, TimeScale::day_ns},
    {"timestamp-millis", AvroKind::long_integer, TimeScale::ms},
    {"timestamp-micros", AvroKind::long_integer, TimeScale::us},
    {"timestamp-nanos", AvroKind::long_integer, TimeScale::ns},
    {"local-timestamp-millis", AvroKind::long_integer, TimeScale::local_ms},
    {"local-timestamp-micros", AvroKind::long_integer, TimeScale::local_us},
    {"local-timestamp-nanos", AvroKind::long_integer, TimeScale::local_ns},
};

const ValueNode *attribute(const ValueTree &json, uint32_t object, std::string_view name) noexcept {
    const uint32_t index = value_member(json, object, name);
    return index == no_value ? nullptr : &json[index];
}

// Returns the number of decimal digits that always fit into a signed integer of `bytes` bytes.
double fixed_digits(uint32_t bytes) noexcept {
    return bytes == 0 ? 0 : std::floor((8.0 * bytes - 1) * std::log10(2.0));
}

void apply_decimal(const ValueTree &json, uint32_t object, AvroType *type) noexcept {
    const ValueNode *const precision = attribute(json, object, "precision");
    const ValueNode *const scale = attribute(json, object, "scale");
    if (precision == nullptr || precision->type != ValueType::integer || precision->integer < 1)
        return;
    if (type->kind == AvroKind::fixed && static_cast<double>(precision->integer) > fixed_digits(type->size))
        return;
    int64_t digits = 0;
    if (scale != nullptr && scale->type == ValueType::integer)
        digits = scale->integer;
    else if (scale != nullptr)
        return;
    if (digits < 0 || digits > precision->integer || digits > INT32_MAX)
        return;
    type->is_decimal = true;
    type->decimal_scale = static_cast<uint32_t>(digits);
}

} // namespace

void avro_apply_logical(const ValueTree &json, uint32_t object, AvroType *type) noexcept {
    const ValueNode *const logical = attribute(json, object, "logicalType");
    if (logical == nullptr || logical->type != ValueType::string)
        return;
    const std::string_view name = logical->text();
    for (const TimeType &time : time_types)
        if (time.name == name && time.kind == type->kind)
            type->time = time.scale;
    if (name == "decimal" && (type->kind == AvroKind::bytes || type->kind == AvroKind::fixed))
        apply_decimal(json, object, type);
    if (name == "uuid" && type->kind == AvroKind::fixed && type->size == 16)
        type->is_uuid = true;
}

} // namespace heartbeat
