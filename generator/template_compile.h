// Generator, templates: makes a MessageTemplate from the JSON text of a template. layout.cpp calls it.
#pragma once

#include "message_template.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace heartbeat::generator {

// A mistake in a template. what() names the line or the JSON pointer of the mistake, and says what is legal
// there.
struct TemplateError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The text of an error begins with `name`, such as "--template" and the path of the file. `samples` replaces
// the number of each $repeat that contains no other $repeat. Throws TemplateError.
MessageTemplate template_compile(std::string_view json, const std::string &name,
                                 std::optional<uint32_t> samples = std::nullopt);

} // namespace heartbeat::generator
