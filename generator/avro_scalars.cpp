// Generator, formats: adds simple values to a plan for Avro. Arrays, maps and records are not simple values.
#include "avro_scalars.h"

#include <algorithm>
#include <cmath>

namespace heartbeat::generator {

namespace {

using Kind = AvroType::Kind;
using NodeKind = TemplateNode::Kind;

bool is_time(Field field) {
    return field == Field::time || field == Field::start_time || field == Field::end_time;
}

// If the node is a text or a number, and consists of only one placeholder, returns this placeholder.
const Placeholder *only_placeholder(const TemplateNode &node) {
    const bool is_only = (node.kind == NodeKind::text || node.kind == NodeKind::number) &&
                         node.pieces.size() == 1 && node.pieces[0].before.empty() &&
                         node.pieces[0].placeholder;
    return is_only ? &*node.pieces[0].placeholder : nullptr;
}

// Adds a time. The unit is the unit of the logical type, and not the unit of the placeholder's format. The
// zone of a date or a time of day is the zone of the placeholder's format. Returns false if the logical type
// is not for times.
bool add_logical_time(const Placeholder &placeholder, const AvroType &type, BinarySteps *steps) {
    constexpr std::pair<const char *, const char *> units[] = {
        {"timestamp-millis", "ms"}, {"timestamp-micros", "us"}, {"timestamp-nanos", "ns"}};
    const bool is_date = type.logical == "date";
    const bool is_of_day = type.logical == "time-millis" || type.logical == "time-micros";
    if (is_date || is_of_day) {
        BinaryStep &step = steps->add(BinaryStep::Kind::number);
        step.placeholder = placeholder;
        step.code = is_date ? NumberCode::date : NumberCode::time_of_day;
        step.scale = type.logical == "time-millis" ? 1000 : 1;
        return true;
    }
    for (const auto &[logical, unit] : units) {
        if (type.logical != logical)
            continue;
        BinaryStep &step = steps->add(BinaryStep::Kind::number);
        step.placeholder = placeholder;
        step.placeholder.format = TimeFormat(unit);
        step.code = NumberCode::zigzag;
        return true;
    }
    return false;
}

std::optional<NumberCode> code_of(const AvroType &type) {
    switch (type.kind) {
    case Kind::int32:
        return NumberCode::zigzag32;
    case Kind::int64:
        return NumberCode::zigzag;
    case Kind::float32:
        return NumberCode::float32;
    case Kind::float64:
        return NumberCode::float64;
    case Kind::bytes:
        return type.logical == "decimal" ? std::optional(NumberCode::decimal_bytes) : std::nullopt;
    case Kind::fixed:
        return type.logical == "decimal" && type.size >= sizeof(int64_t)
                   ? std::optional(NumberCode::decimal_fixed)
                   : std::nullopt;
    default:
        return std::nullopt;
    }
}

std::optional<std::string> add_placeholder(const TemplateNode &node, const AvroType &type,
                                           BinarySteps *steps) {
    const Placeholder &placeholder = *node.pieces[0].placeholder;
    const auto code = code_of(type);
    if (!code)
        return avro_cannot(node, type);
    if (type.kind == Kind::int32 && is_time(placeholder.field))
        return "an int is too small for a time. Use a long in the schema";
    BinaryStep &step = steps->add(BinaryStep::Kind::number);
    step.placeholder = placeholder;
    step.code = *code;
    step.scale = type.scale;
    step.size = type.size;
    return std::nullopt;
}

void add_decimal(double number, const AvroType &type, BinarySteps *steps) {
    constexpr double limit = 9.2e18;
    const double scaled = number * std::pow(10.0, static_cast<double>(type.scale));
    std::string bytes;
    append_big_endian(std::llround(std::clamp(scaled, -limit, limit)),
                      type.kind == Kind::fixed ? type.size : 1, &bytes);
    if (type.kind == Kind::bytes)
        append_zigzag(static_cast<int64_t>(bytes.size()), &steps->bytes);
    steps->bytes += bytes;
}

std::optional<std::string> add_constant_number(const TemplateNode &node, const AvroType &type,
                                               BinarySteps *steps) {
    const auto code = code_of(type);
    const bool is_whole = node.constant == JSON_INTEGER;
    const bool is_integer = type.kind == Kind::int32 || type.kind == Kind::int64;
    if (!code || (is_integer && !is_whole))
        return avro_cannot(node, type);
    if (type.kind == Kind::int32 && (node.integer < INT32_MIN || node.integer > INT32_MAX))
        return "an int is from " + std::to_string(INT32_MIN) + " to " + std::to_string(INT32_MAX);
    if (is_integer)
        append_zigzag(node.integer, &steps->bytes);
    else if (type.kind == Kind::float32)
        append_float(static_cast<float>(node.real), &steps->bytes);
    else if (type.kind == Kind::float64)
        append_double(node.real, &steps->bytes);
    else
        add_decimal(node.real, type, steps);
    return std::nullopt;
}

std::optional<std::string> add_fixed_text(const TemplateNode &node, const AvroType &type,
                                          BinarySteps *steps) {
    if (has_placeholder(node.pieces))
        return "a text with placeholders cannot be written as " + avro_kind_name(type);
    const std::string text = fixed_text(node.pieces);
    if (type.kind == Kind::fixed) {
        if (text.size() != type.size)
            return "the fixed " + type.name + " has " + std::to_string(type.size) + " bytes";
        steps->bytes += text;
        return std::nullopt;
    }
    const auto symbol = std::find(type.names.begin(), type.names.end(), text);
    if (symbol == type.names.end())
        return "\"" + text + "\" is not a symbol of the enum " + type.name;
    append_zigzag(symbol - type.names.begin(), &steps->bytes);
    return std::nullopt;
}

std::string node_name(const TemplateNode &node) {
    switch (node.kind) {
    case NodeKind::object:
        return node.has_changing_names() ? "an object with changing names" : "an object";
    case NodeKind::repeat:
        return node.names.empty() ? "an array" : "an object with changing names";
    case NodeKind::array:
        return "an array";
    case NodeKind::text:
        return "a text";
    case NodeKind::number:
        return "a number";
    case NodeKind::constant:
        break;
    }
    return node.json; // null, true, 60, ...
}

} // namespace

std::string avro_cannot(const TemplateNode &node, const AvroType &type) {
    return node_name(node) + " cannot be written as " + avro_kind_name(type);
}

std::optional<std::string> avro_add_scalar(const TemplateNode &node, const AvroType &type,
                                           BinarySteps *steps) {
    const Placeholder *placeholder = only_placeholder(node);
    if (placeholder != nullptr && is_time(placeholder->field) && add_logical_time(*placeholder, type, steps))
        return std::nullopt;
    if (node.kind == NodeKind::number)
        return add_placeholder(node, type, steps);
    if (node.kind == NodeKind::text && (type.kind == Kind::fixed || type.kind == Kind::enumeration))
        return add_fixed_text(node, type, steps);
    if (node.kind != NodeKind::constant)
        return avro_cannot(node, type);
    if (node.constant == JSON_INTEGER || node.constant == JSON_REAL)
        return add_constant_number(node, type, steps);
    const bool fits = node.constant == JSON_NULL ? type.kind == Kind::null : type.kind == Kind::boolean;
    if (!fits)
        return avro_cannot(node, type);
    if (type.kind == Kind::boolean)
        steps->bytes.push_back(node.constant == JSON_TRUE ? '\1' : '\0');
    return std::nullopt;
}

} // namespace heartbeat::generator
