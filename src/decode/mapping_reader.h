// A view of one value of a mapping, with its JSON pointer. The files that compile a mapping share this class.
#pragma once

#include "decode/mapping_fault.h"
#include "decode/value_tree.h"

namespace heartbeat {

struct MappingValue {
    const ValueTree *tree;
    uint32_t index;
    std::string pointer;

    const ValueNode &node() const { return (*tree)[index]; }
    ValueType type() const { return node().type; }

    [[noreturn]] void refuse(const std::string &problem, const std::string &legal) const {
        mapping_refuse(pointer, problem, legal);
    }
    [[noreturn]] void refuse_type(const std::string &legal) const {
        refuse(std::string("is ") + value_type_name(type()), legal);
    }
    std::string_view text(const std::string &legal) const {
        if (type() != ValueType::string)
            refuse_type(legal);
        return node().text();
    }

    // Calls use(MappingValue) for each child.
    template <typename Use> void for_each(Use use) const {
        size_t number = 0;
        for (uint32_t child = index + 1; child != node().end; child = (*tree)[child].end, number++) {
            const std::string name =
                type() == ValueType::object ? std::string((*tree)[child].name()) : std::to_string(number);
            use(MappingValue{tree, child, mapping_pointer(pointer, name)});
        }
    }
};

// Refuses an object's member if the name of the member is not in `names`.
inline void mapping_check_name(const MappingValue &member, Names names) {
    const std::string_view name = member.node().name();
    for (const std::string_view legal : names)
        if (name == legal)
            return;
    const std::string suggestion = mapping_suggest(name, names);
    member.refuse("is not a legal key here" + (suggestion.empty() ? "" : "; " + suggestion),
                  mapping_list(names));
}

} // namespace heartbeat
