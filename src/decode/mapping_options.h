// The options of a field of a mapping. mapping_fields.cpp and mapping_time.cpp read the options with this
// class.
#pragma once

#include "decode/mapping_place.h"
#include "decode/mapping_reader.h"

#include <optional>

namespace heartbeat {

class Options {
  public:
    // Refuses options whose names are not in `names`.
    Options(const MappingValue &object, Names names) : object_(object) {
        object.for_each([&](const MappingValue &member) { mapping_check_name(member, names); });
    }

    std::optional<MappingValue> find(std::string_view name) const {
        const uint32_t index = value_member(*object_.tree, object_.index, name);
        if (index == no_value)
            return std::nullopt;
        return MappingValue{object_.tree, index, mapping_pointer(object_.pointer, name)};
    }

    MappingValue required(std::string_view name, const std::string &legal) const {
        const std::optional<MappingValue> found = find(name);
        if (!found)
            mapping_refuse(mapping_pointer(object_.pointer, name), "is missing", legal);
        return *found;
    }

    bool flag(std::string_view name) const {
        const std::optional<MappingValue> found = find(name);
        if (found && found->type() != ValueType::boolean)
            found->refuse_type("true or false");
        return found && found->node().boolean;
    }

  private:
    const MappingValue &object_;
};

// Returns the index of the value's text in `names`. Refuses a value that is not in `names`.
inline size_t mapping_choice(const MappingValue &value, Names names) {
    const std::string_view text = value.text(mapping_list(names));
    for (size_t i = 0; i < names.size(); i++)
        if (text == names[i])
            return i;
    const std::string suggestion = mapping_suggest(text, names);
    value.refuse("is " + mapping_quote(text) + (suggestion.empty() ? "" : "; " + suggestion),
                 mapping_list(names));
}

// Checks the place of a number. A place whose value is always a text needs the option `text`.
inline void mapping_check_number(const Place &place, bool text, const std::string &pointer) {
    if (!text && (place.root == PlaceRoot::key_text || place.root == PlaceRoot::header))
        mapping_refuse(
            pointer, "is a text, but the field needs a number",
            "\"text\": true beside \"at\", so that the field takes a number that is written as text");
}

} // namespace heartbeat
