// A fault of a mapping. The files that compile a mapping throw this exception, and mapping_compile.cpp
// catches this exception.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace heartbeat {

struct MappingFault {
    std::string pointer, problem, legal;
};

[[noreturn]] void mapping_refuse(const std::string &pointer, const std::string &problem,
                                 const std::string &legal);

// Returns the JSON pointer to a child. `parent` is the pointer to the object or array, and `name` is the name
// or the index of the child.
std::string mapping_pointer(const std::string &parent, std::string_view name);

std::string mapping_quote(std::string_view text); // adds quotes, and cuts a long text

using Names = std::span<const std::string_view>;

// Returns a list in this form: "a", "b" or "c".
std::string mapping_list(Names names);

// Returns a text such as: did you mean "unit"? The text is empty if no name is similar.
std::string mapping_suggest(std::string_view name, Names names);

} // namespace heartbeat
