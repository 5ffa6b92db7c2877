// Generator, formats: writes the default value of a field in the Avro encoding.
#include "avro_plan.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace heartbeat::generator {

namespace {

using Kind = AvroType::Kind;

// Limits of the nesting and of the number of values of a default. Even a short schema can have an endless
// default: a field of a record has the type of this record, and the default {}. A short schema can also have
// a default with very many values.
constexpr int deepest = 64;
constexpr size_t most_values = 100'000;

// In a schema, a default of the type bytes or fixed is a JSON string. Each of its characters, U+0000 to
// U+00FF, stands for one byte.
std::optional<std::string> bytes_of(const json_t *json) {
    std::string bytes;
    const std::string_view text(json_string_value(json), json_string_length(json));
    for (size_t i = 0; i < text.size(); i++) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x80) {
            bytes += text[i];
        } else if ((c == 0xc2 || c == 0xc3) && i + 1 < text.size()) {
            bytes += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
        } else {
            return std::nullopt;
        }
    }
    return bytes;
}

void append_sized(std::string_view bytes, std::string *out) {
    append_zigzag(static_cast<int64_t>(bytes.size()), out);
    out->append(bytes);
}

bool append_text(const json_t *json, const AvroType &type, std::string *out) {
    if (!json_is_string(json))
        return false;
    const std::string text(json_string_value(json), json_string_length(json));
    if (type.kind == Kind::enumeration) {
        const auto symbol = std::find(type.names.begin(), type.names.end(), text);
        append_zigzag(symbol - type.names.begin(), out);
        return symbol != type.names.end();
    }
    if (type.kind == Kind::string) {
        append_sized(text, out);
        return true;
    }
    const auto bytes = bytes_of(json);
    if (!bytes || (type.kind == Kind::fixed && bytes->size() != type.size))
        return false;
    if (type.kind == Kind::fixed)
        out->append(*bytes);
    else
        append_sized(*bytes, out);
    return true;
}

bool append_number(const json_t *json, const AvroType &type, std::string *out) {
    if (type.kind == Kind::float32 || type.kind == Kind::float64) {
        if (type.kind == Kind::float32)
            append_float(static_cast<float>(json_number_value(json)), out);
        else
            append_double(json_number_value(json), out);
        return json_is_number(json);
    }
    const json_int_t number = json_integer_value(json);
    append_zigzag(number, out);
    return json_is_integer(json) &&
           (type.kind == Kind::int64 || (number >= INT32_MIN && number <= INT32_MAX));
}

// Writes a default, and counts its values.
class Defaults {
  public:
    bool append_default(const json_t *json, const AvroType &type, int depth, std::string *out) {
        if (depth > deepest || ++values_ > most_values)
            return false;
        switch (type.kind) {
        case Kind::null:
            return json_is_null(json);
        case Kind::boolean:
            out->push_back(json_is_true(json) ? '\1' : '\0');
            return json_is_boolean(json);
        case Kind::int32:
        case Kind::int64:
        case Kind::float32:
        case Kind::float64:
            return append_number(json, type, out);
        case Kind::bytes:
        case Kind::string:
        case Kind::fixed:
        case Kind::enumeration:
            return append_text(json, type, out);
        case Kind::record:
            return append_record(json, type, depth, out);
        case Kind::array:
        case Kind::map:
            // jansson's macros do not accept a pointer to const.
            return append_elements(const_cast<json_t *>(json), type, depth, out);
        case Kind::choice:
            return append_choice(json, type, depth, out);
        }
        return false;
    }

  private:
    bool append_record(const json_t *json, const AvroType &type, int depth, std::string *out) {
        for (size_t i = 0; i < type.names.size(); i++) {
            const json_t *member = json_object_get(json, type.names[i].c_str());
            const json_t *value = member != nullptr ? member : type.defaults[i];
            if (value == nullptr || !append_default(value, *type.types[i], depth + 1, out))
                return false;
        }
        return json_is_object(json);
    }

    bool append_elements(json_t *json, const AvroType &type, int depth, std::string *out) {
        const bool is_map = type.kind == Kind::map;
        if (is_map ? !json_is_object(json) : !json_is_array(json))
            return false;
        const size_t count = is_map ? json_object_size(json) : json_array_size(json);
        if (count > 0)
            append_zigzag(static_cast<int64_t>(count), out);
        bool fits = true;
        const char *name = nullptr;
        json_t *value = nullptr;
        json_object_foreach(json, name, value) {
            append_sized(name, out);
            fits = fits && append_default(value, *type.types[0], depth + 1, out);
        }
        for (size_t i = 0; i < json_array_size(json); i++)
            fits = fits && append_default(json_array_get(json, i), *type.types[0], depth + 1, out);
        append_zigzag(0, out);
        return fits;
    }

    bool append_choice(const json_t *json, const AvroType &type, int depth, std::string *out) {
        for (size_t branch = 0; branch < type.types.size(); branch++) {
            std::string bytes;
            append_zigzag(static_cast<int64_t>(branch), &bytes);
            if (append_default(json, *type.types[branch], depth + 1, &bytes)) {
                out->append(bytes);
                return true;
            }
        }
        return false;
    }

    size_t values_ = 0; // the number of values written so far
};

} // namespace

bool avro_append_default(const json_t *json, const AvroType &type, std::string *out) {
    return Defaults().append_default(json, type, 0, out);
}

} // namespace heartbeat::generator
