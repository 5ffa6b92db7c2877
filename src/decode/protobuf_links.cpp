// Finds the messages and enums that fields refer to.
#include "decode/protobuf_links.h"

#include <algorithm>
#include <unordered_map>

namespace heartbeat {

namespace {

using Index = std::unordered_map<std::string_view, uint32_t>;

template <typename Types> bool add_names(const Types &types, Index *index, SchemaError *error) {
    for (size_t i = 0; i < types.size(); ++i)
        if (!index->emplace(types[i].name, static_cast<uint32_t>(i)).second)
            return protobuf_schema_fail(error, "the schema declares the type %.150s twice",
                                        types[i].name.c_str());
    return true;
}

class Linker {
  public:
    Linker(ProtobufSchema *schema, SchemaError *error) : schema_(*schema), error_(error) {}

    bool link() {
        if (!add_names(schema_.messages, &messages_, error_) || !add_names(schema_.enums, &enums_, error_))
            return false;
        for (ProtobufMessage &message : schema_.messages) {
            for (ProtobufField &field : message.fields)
                if (!link(message, &field))
                    return false;
            if (!check_numbers(message) || (message.is_map_entry && !check_entry(message)))
                return false;
        }
        return true;
    }

  private:
    bool fail(const ProtobufMessage &message, const ProtobufField &field, const char *fault) {
        return protobuf_schema_fail(error_, "the field %.60s of the message %.80s %s",
                                    std::string(field.name).c_str(), message.name.c_str(), fault);
    }

    // In descriptors, a complete name begins with a dot.
    bool link(const ProtobufMessage &message, ProtobufField *field) {
        if (field->number == 0 || field->number > protobuf_number_max)
            return fail(message, *field, "has no legal number; expected a number from 1 to 536870911");
        const bool names_type = protobuf_is_message(field->type) || field->type == ProtobufType::enumeration;
        if (field->type != ProtobufType::none && !names_type)
            return true;
        const std::string_view name = field->type_name.substr(std::min<size_t>(field->type_name.size(), 1));
        if (field->type_name.empty() || field->type_name[0] != '.')
            return fail(message, *field,
                        "has no complete name of its type; expected a name such as .package.Type");
        const auto found_message = messages_.find(name), found_enum = enums_.find(name);
        if (found_enum != enums_.end() && !protobuf_is_message(field->type)) {
            field->type = ProtobufType::enumeration;
            field->target = found_enum->second;
            return true;
        }
        if (found_message == messages_.end() || field->type == ProtobufType::enumeration)
            return fail(message, *field, "has a type that no file of the schema declares");
        field->target = found_message->second;
        const bool is_entry = schema_.messages[field->target].is_map_entry;
        if (is_entry && !field->is_repeated)
            return fail(message, *field, "is a single entry of a map; expected a repeated field");
        if (is_entry || field->type == ProtobufType::none) // an entry of a map is never a group
            field->type = ProtobufType::message;
        field->has_presence = !field->is_repeated;
        return true;
    }

    bool check_numbers(const ProtobufMessage &message) {
        numbers_.clear();
        for (const ProtobufField &field : message.fields)
            numbers_.push_back(field.number);
        std::sort(numbers_.begin(), numbers_.end());
        return std::adjacent_find(numbers_.begin(), numbers_.end()) == numbers_.end() ||
               protobuf_schema_fail(error_, "two fields of the message %.150s have the same number",
                                    message.name.c_str());
    }

    bool check_entry(const ProtobufMessage &entry) {
        if (entry.fields.size() == 2 && entry.fields[0].number == 1 && entry.fields[1].number == 2 &&
            !entry.fields[0].is_repeated && !entry.fields[1].is_repeated) {
            const ProtobufType key = entry.fields[0].type, value = entry.fields[1].type;
            const bool is_map =
                value == ProtobufType::message && schema_.messages[entry.fields[1].target].is_map_entry;
            if (!protobuf_is_message(key) && key != ProtobufType::float64 && key != ProtobufType::float32 &&
                key != ProtobufType::bytes && key != ProtobufType::enumeration &&
                value != ProtobufType::group && !is_map)
                return true;
        }
        return protobuf_schema_fail(error_,
                                    "the map entry %.100s has other fields than a key and a value; expected "
                                    "a key that is an integer, a boolean or a string, and a value",
                                    entry.name.c_str());
    }

    ProtobufSchema &schema_;
    SchemaError *const error_;
    Index messages_, enums_;
    std::vector<uint32_t> numbers_;
};

} // namespace

bool protobuf_link(ProtobufSchema *schema, SchemaError *error) {
    return Linker(schema, error).link();
}

} // namespace heartbeat
