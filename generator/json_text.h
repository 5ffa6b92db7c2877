// Generator, templates: writes pieces of JSON text, and JSON pointers. The code for templates and for schemas
// calls these functions.
#pragma once

#include <jansson.h>
#include <string>
#include <string_view>

namespace heartbeat::generator {

// Escapes the text for a JSON string. The caller must add the quotes before and after the result.
std::string json_escaped(std::string_view text);

// Returns the JSON text of a number, true, false or null. A JSON parser reads exactly the same number from
// the text. The text of a JSON_REAL always has a decimal point or an exponent, so the parser does not make a
// JSON_INTEGER.
std::string json_scalar_text(const json_t *value);

// Returns the JSON pointer (RFC 6901) of a member or an element of `parent`.
std::string json_path(const std::string &parent, std::string_view name);

} // namespace heartbeat::generator
