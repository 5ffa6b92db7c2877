// Generator, formats: reads an Avro schema from JSON.
#include "avro_schema.h"

#include "json_text.h"
#include "template_tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace heartbeat::generator {

namespace {

using Kind = AvroType::Kind;

constexpr size_t largest_fixed = 1'000'000;
constexpr int64_t largest_scale = 18; // ten to the power of the scale must fit into 64 bits

constexpr std::array<std::pair<std::string_view, Kind>, 8> primitives{{{"null", Kind::null},
                                                                       {"boolean", Kind::boolean},
                                                                       {"int", Kind::int32},
                                                                       {"long", Kind::int64},
                                                                       {"float", Kind::float32},
                                                                       {"double", Kind::float64},
                                                                       {"bytes", Kind::bytes},
                                                                       {"string", Kind::string}}};

std::string text_of(const json_t *object, const char *member) {
    const char *text = json_string_value(json_object_get(object, member));
    return text == nullptr ? "" : text;
}

class Reader {
  public:
    Reader(const std::string &name, std::deque<AvroType> *types) : name_(name), types_(types) {}

    // Reads a type. `space` is the namespace of the enclosing type.
    const AvroType *read(const json_t *json, const std::string &space, const std::string &path) {
        if (json_is_string(json))
            return find(json_string_value(json), space, path);
        if (json_is_array(json))
            return read_union(json, space, path);
        if (!json_is_object(json))
            refuse(path, "a type is a name, an object or an array");
        const json_t *type = json_object_get(json, "type");
        const std::string kind = text_of(json, "type");
        if (type == nullptr)
            refuse(path, "the member \"type\" is missing");
        if (kind == "record" || kind == "error")
            return read_record(json, space, path);
        if (kind == "enum")
            return read_enum(json, space, path);
        if (kind == "fixed")
            return read_fixed(json, space, path);
        if (kind == "array" || kind == "map")
            return read_container(json, kind, space, path);
        return read_annotated(json, type, space, path);
    }

  private:
    [[noreturn]] void refuse(const std::string &path, const std::string &reason) const {
        throw TemplateError(name_ + ": " + (path.empty() ? "" : "at " + path + ": ") + reason);
    }

    AvroType &add(Kind kind) {
        AvroType &type = types_->emplace_back();
        type.kind = kind;
        return type;
    }

    const AvroType *find(const std::string &name, const std::string &space, const std::string &path) {
        const auto *primitive = std::find_if(primitives.begin(), primitives.end(),
                                             [&](const auto &known) { return known.first == name; });
        if (primitive != primitives.end())
            return &add(primitive->second);
        const bool is_full = name.find('.') != std::string::npos || space.empty();
        std::string full = is_full ? "" : space + ".";
        full += name;
        auto known = named_.find(full);
        if (known == named_.end())
            known = named_.find(name);
        if (known != named_.end())
            return known->second;
        refuse(path, "there is no type \"" + name + "\"");
    }

    const AvroType *read_union(const json_t *json, const std::string &space, const std::string &path) {
        AvroType &type = add(Kind::choice);
        for (size_t i = 0; i < json_array_size(json); i++)
            type.types.push_back(read(json_array_get(json, i), space, json_path(path, std::to_string(i))));
        if (type.types.empty())
            refuse(path, "a union has at least one type");
        return &type;
    }

    // Sets the full name of the type. Returns the namespace for the types inside this type.
    std::string take_name(const json_t *json, const std::string &space, const std::string &path,
                          AvroType *type) {
        const std::string name = text_of(json, "name");
        if (name.empty())
            refuse(path, "the member \"name\" is missing");
        const size_t dot = name.rfind('.');
        std::string own = space;
        if (dot != std::string::npos)
            own = name.substr(0, dot);
        else if (json_is_string(json_object_get(json, "namespace")))
            own = text_of(json, "namespace");
        type->name = dot != std::string::npos || own.empty() ? name : own + "." + name;
        if (!named_.emplace(type->name, type).second)
            refuse(path, "there are two types \"" + type->name + "\"");
        return own;
    }

    const AvroType *read_record(const json_t *json, const std::string &space, const std::string &path) {
        AvroType &type = add(Kind::record);
        const std::string own = take_name(json, space, path, &type);
        const json_t *fields = json_object_get(json, "fields");
        if (!json_is_array(fields))
            refuse(path, "the array \"fields\" is missing");
        for (size_t i = 0; i < json_array_size(fields); i++) {
            const json_t *field = json_array_get(fields, i);
            const std::string at = json_path(json_path(path, "fields"), std::to_string(i));
            type.names.push_back(text_of(field, "name"));
            if (type.names.back().empty() || json_object_get(field, "type") == nullptr)
                refuse(at, "a field is an object with \"name\" and \"type\"");
            type.types.push_back(read(json_object_get(field, "type"), own, json_path(at, "type")));
            type.defaults.push_back(json_object_get(field, "default"));
        }
        return &type;
    }

    const AvroType *read_enum(const json_t *json, const std::string &space, const std::string &path) {
        AvroType &type = add(Kind::enumeration);
        take_name(json, space, path, &type);
        const json_t *symbols = json_object_get(json, "symbols");
        for (size_t i = 0; i < json_array_size(symbols); i++) {
            const char *symbol = json_string_value(json_array_get(symbols, i));
            if (symbol == nullptr)
                refuse(path, "a symbol is a text");
            type.names.emplace_back(symbol);
        }
        if (type.names.empty())
            refuse(path, "the array \"symbols\" is missing or empty");
        return &type;
    }

    const AvroType *read_fixed(const json_t *json, const std::string &space, const std::string &path) {
        AvroType &type = add(Kind::fixed);
        take_name(json, space, path, &type);
        const json_int_t size = json_integer_value(json_object_get(json, "size"));
        if (size < 1 || size > static_cast<json_int_t>(largest_fixed))
            refuse(path, "the size must be a number from 1 to " + std::to_string(largest_fixed));
        type.size = static_cast<size_t>(size);
        take_logical(json, path, &type);
        return &type;
    }

    const AvroType *read_container(const json_t *json, const std::string &kind, const std::string &space,
                                   const std::string &path) {
        const char *member = kind == "array" ? "items" : "values";
        if (json_object_get(json, member) == nullptr)
            refuse(path, "the member \"" + std::string(member) + "\" is missing");
        AvroType &type = add(kind == "array" ? Kind::array : Kind::map);
        type.types.push_back(read(json_object_get(json, member), space, json_path(path, member)));
        return &type;
    }

    // Reads {"type": ...}, possibly with a logical type.
    const AvroType *read_annotated(const json_t *json, const json_t *inner, const std::string &space,
                                   const std::string &path) {
        const AvroType *base = read(inner, space, json_path(path, "type"));
        if (!json_is_string(json_object_get(json, "logicalType")) || !base->name.empty())
            return base;
        AvroType &type = types_->emplace_back(*base);
        take_logical(json, path, &type);
        return &type;
    }

    void take_logical(const json_t *json, const std::string &path, AvroType *type) const {
        type->logical = text_of(json, "logicalType");
        if (type->logical != "decimal")
            return;
        type->scale = json_integer_value(json_object_get(json, "scale"));
        if (type->scale < 0 || type->scale > largest_scale)
            refuse(path,
                   "the scale of a decimal must be a number from 0 to " + std::to_string(largest_scale));
    }

    const std::string &name_;
    std::deque<AvroType> *types_;
    std::map<std::string, const AvroType *> named_;
};

} // namespace

AvroSchema::AvroSchema(std::string_view json, const std::string &name) {
    json_error_t error;
    json_.reset(json_loadb(json.data(), json.size(), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error));
    if (!json_)
        throw TemplateError(name + ": line " + std::to_string(error.line) + ", column " +
                            std::to_string(error.column) + ": " + error.text);
    root_ = Reader(name, &types_).read(json_.get(), "", "");
}

std::string avro_kind_name(const AvroType &type) {
    constexpr const char *names[] = {"null",     "a boolean", "an int",   "a long",  "a float",
                                     "a double", "bytes",     "a string", "a fixed", "an enum",
                                     "a record", "an array",  "a map",    "a union"};
    std::string text = names[static_cast<size_t>(type.kind)];
    if (!type.logical.empty())
        text += " (" + type.logical + ")";
    return text;
}

} // namespace heartbeat::generator
