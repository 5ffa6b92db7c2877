// Generator, templates: makes a MessageTemplate from the JSON text of a template. layout.cpp calls this code.
#pragma once

#include "message_template.h"
#include "template_tree.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heartbeat::generator {

// The text of an error begins with `name`, such as "--template" and the path of the file. If `samples` has a
// value, each $repeat that contains no other $repeat has this number of elements. Throws TemplateError.
MessageTemplate template_compile(std::string_view json, const std::string &name,
                                 std::optional<uint32_t> samples = std::nullopt);

// Makes a MessageTemplate from a template that template_tree() has already read.
MessageTemplate template_compile(const TemplateTree &tree);

// Makes the steps that write a text with placeholders. The steps write the plain text, and not a JSON string.
std::vector<Step> template_text_steps(const Pieces &pieces);

} // namespace heartbeat::generator
