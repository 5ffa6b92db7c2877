// Parses the JSON of Avro schemas by the rules of Avro's specification. This file ignores defaults and
// aliases, because they do not change the bytes of a message.
#include "decode/avro_schema.h"

#include "decode/avro_json.h"
#include "decode/avro_logical.h"
#include "decode/mapping_fault.h"
#include "decode/mapping_limits.h"

#include <algorithm>
#include <unordered_map>

namespace heartbeat {

namespace {

constexpr std::pair<std::string_view, AvroKind> primitives[] = {
    {"null", AvroKind::null},         {"boolean", AvroKind::boolean},  {"int", AvroKind::integer},
    {"long", AvroKind::long_integer}, {"float", AvroKind::float_real}, {"double", AvroKind::double_real},
    {"bytes", AvroKind::bytes},       {"string", AvroKind::string},
};
constexpr uint32_t primitive_count = std::size(primitives);
constexpr char expected_type[] = "a type of Avro, or the name of a type that is defined before";

uint32_t primitive_of(std::string_view name) {
    uint32_t index = 0;
    while (index < primitive_count && primitives[index].first != name)
        index++;
    return index;
}

class Parser {
  public:
    Parser() {
        for (const auto &[name, kind] : primitives)
            schema_.types.emplace_back().kind = kind;
    }

    void parse(std::string_view text, const std::string &label) {
        json_.parse(text, label);
        schema_.root = type({0, "", ""});
    }

    AvroSchema take() { return std::move(schema_); }

  private:
    // Calls use() with each element of an array.
    template <typename Use> void for_each(const AvroPart &array, Use use) {
        const uint32_t end = json_.node(array).end;
        uint32_t number = 0;
        for (uint32_t index = array.index + 1; index != end; index = json_.tree()[index].end) {
            if (++members_ > schema_members_max)
                json_.refuse("", "has more than " + std::to_string(schema_members_max) + " fields", "fewer");
            use(AvroPart{index, array.space, array.pointer + "/" + std::to_string(number++)});
        }
    }

    uint32_t add(AvroKind kind) {
        if (schema_.types.size() == schema_types_max)
            json_.refuse("", "has more than " + std::to_string(schema_types_max) + " types", "fewer");
        schema_.types.emplace_back().kind = kind;
        return static_cast<uint32_t>(schema_.types.size() - 1);
    }

    uint32_t type(const AvroPart &part) {
        switch (json_.node(part).type) {
        case ValueType::string:
            return reference(part);
        case ValueType::array:
            return choice(part);
        case ValueType::object:
            return object(part);
        default:
            json_.refuse(part.pointer, std::string("is ") + value_type_name(json_.node(part).type),
                         expected_type);
        }
    }

    // A name without a dot belongs to the namespace of the enclosing type. If this namespace has no type with
    // this name, the function looks for a type without a namespace. Avro's library for Java does the same.
    uint32_t reference(const AvroPart &part) const {
        const std::string name(json_.node(part).text());
        const uint32_t primitive = primitive_of(name);
        if (primitive < primitive_count)
            return primitive;
        const bool has_space = name.find('.') != std::string::npos || part.space.empty();
        auto found = names_.find(has_space ? name : part.space + "." + name);
        if (found == names_.end())
            found = names_.find(name);
        if (found == names_.end())
            json_.refuse(part.pointer, "is " + mapping_quote(name) + ", which is not defined", expected_type);
        return found->second;
    }

    uint32_t choice(const AvroPart &part) {
        const uint32_t index = add(AvroKind::choice);
        for_each(part, [&](const AvroPart &branch) {
            const uint32_t inner = type(branch);
            if (schema_.types[inner].kind == AvroKind::choice)
                json_.refuse(branch.pointer, "is a union in a union", "another type");
            schema_.types[index].members.push_back({"", inner});
        });
        return index;
    }

    uint32_t object(const AvroPart &part) {
        const AvroPart kind = json_.find(part, "type");
        if (kind.index == no_value)
            json_.refuse(kind.pointer, "is missing", expected_type);
        if (json_.node(kind).type != ValueType::string)
            return type(kind);
        const std::string_view name = json_.node(kind).text();
        if (name == "record" || name == "error")
            return record(part);
        if (name == "enum")
            return enumeration(part);
        if (name == "fixed")
            return fixed(part);
        if (name == "array")
            return list(part, AvroKind::array, "items");
        if (name == "map")
            return list(part, AvroKind::map, "values");
        const uint32_t primitive = primitive_of(name);
        if (primitive == primitive_count)
            return reference(kind);
        AvroType annotated = schema_.types[primitive];
        avro_apply_logical(json_.tree(), part.index, &annotated);
        const uint32_t index = add(annotated.kind);
        schema_.types[index] = annotated;
        return index;
    }

    uint32_t list(const AvroPart &part, AvroKind kind, const char *attribute) {
        const uint32_t index = add(kind);
        const AvroPart items = json_.find(part, attribute);
        if (items.index == no_value)
            json_.refuse(items.pointer, "is missing", expected_type);
        const uint32_t inner = type(items);
        schema_.types[index].members.push_back({"", inner});
        return index;
    }

    // Adds a type with a name. Sets *space to the namespace for the names inside this type.
    uint32_t define(const AvroPart &part, AvroKind kind, std::string *space) {
        const AvroPart name_part = json_.required(part, "name", ValueType::string, "the name of the type");
        std::string name(json_.node(name_part).text());
        const size_t dot = name.rfind('.');
        *space = part.space;
        if (dot != std::string::npos) {
            *space = name.substr(0, dot);
            name.erase(0, dot + 1);
        } else if (const AvroPart given = json_.find(part, "namespace");
                   given.index != no_value && json_.node(given).type != ValueType::null) {
            *space = json_.node(json_.required(part, "namespace", ValueType::string, "a namespace")).text();
        }
        if (name.empty())
            json_.refuse(name_part.pointer, "is empty", "the name of the type");
        const uint32_t index = add(kind);
        const std::string full_name = space->empty() ? name : *space + "." + name;
        if (!names_.emplace(full_name, index).second)
            json_.refuse(name_part.pointer, "is " + mapping_quote(full_name) + ", which is defined before",
                         "another name");
        return index;
    }

    uint32_t record(const AvroPart &part) {
        std::string space;
        const uint32_t index = define(part, AvroKind::record, &space);
        AvroPart fields = json_.required(part, "fields", ValueType::array, "an array of fields");
        fields.space = space;
        std::vector<std::string> field_names;
        for_each(fields, [&](const AvroPart &field) {
            if (json_.node(field).type != ValueType::object)
                json_.refuse(field.pointer, std::string("is ") + value_type_name(json_.node(field).type),
                             "a field");
            const AvroPart name = json_.required(field, "name", ValueType::string, "the name of the field");
            const AvroPart field_type = json_.find(field, "type");
            if (field_type.index == no_value)
                json_.refuse(field_type.pointer, "is missing", expected_type);
            field_names.emplace_back(json_.node(name).text());
            const uint32_t inner = type(field_type);
            schema_.types[index].members.push_back({field_names.back(), inner});
        });
        std::sort(field_names.begin(), field_names.end());
        const auto repeated = std::adjacent_find(field_names.begin(), field_names.end());
        if (repeated != field_names.end())
            json_.refuse(fields.pointer, "has the field " + mapping_quote(*repeated) + " twice",
                         "a name of its own for each field");
        return index;
    }

    uint32_t enumeration(const AvroPart &part) {
        std::string space;
        const uint32_t index = define(part, AvroKind::enumeration, &space);
        for_each(json_.required(part, "symbols", ValueType::array, "an array of texts"),
                 [&](const AvroPart &symbol) {
                     if (json_.node(symbol).type != ValueType::string)
                         json_.refuse(symbol.pointer,
                                      std::string("is ") + value_type_name(json_.node(symbol).type),
                                      "a text");
                     schema_.types[index].symbols.emplace_back(json_.node(symbol).text());
                 });
        return index;
    }

    uint32_t fixed(const AvroPart &part) {
        std::string space;
        const uint32_t index = define(part, AvroKind::fixed, &space);
        const AvroPart size = json_.required(part, "size", ValueType::integer, "the number of bytes");
        if (json_.node(size).integer < 0)
            json_.refuse(size.pointer, "is negative", "the number of bytes");
        AvroType *const type = &schema_.types[index];
        type->size = static_cast<uint32_t>(std::min<int64_t>(json_.node(size).integer, UINT32_MAX));
        avro_apply_logical(json_.tree(), part.index, type);
        return index;
    }

    AvroSchema schema_;
    AvroJson json_;
    std::unordered_map<std::string, uint32_t> names_;
    size_t members_ = 0;
};

} // namespace

AvroSchema avro_schema_parse(const std::vector<std::string_view> &schemas) {
    if (schemas.empty())
        throw AvroSchemaFault{"no schema is given; expected the schema of the messages"};
    size_t bytes = 0;
    for (const std::string_view schema : schemas)
        bytes += schema.size();
    if (bytes > schema_bytes_max)
        throw AvroSchemaFault{"schema has " + std::to_string(bytes) + " bytes; expected at most " +
                              std::to_string(schema_bytes_max)};
    Parser parser;
    for (size_t i = 0; i < schemas.size(); i++)
        parser.parse(schemas[i],
                     i + 1 == schemas.size() ? "schema" : "referenced schema " + std::to_string(i + 1));
    return parser.take();
}

} // namespace heartbeat
