// Generator, templates: writes pieces of JSON text, and JSON pointers.
#include "json_text.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace heartbeat::generator {

std::string json_escaped(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            escaped += '\\';
            escaped += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> code;
            snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
            escaped += code.data();
        } else {
            escaped += c;
        }
    }
    return escaped;
}

std::string json_scalar_text(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        return std::to_string(json_integer_value(value));
    case JSON_REAL: {
        std::array<char, 32> text; // std::to_chars() writes at most 24 characters for a double
        const char *end = std::to_chars(text.data(), text.data() + text.size(), json_real_value(value)).ptr;
        std::string number(text.data(), static_cast<size_t>(end - text.data()));
        return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
    }
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

std::string json_path(const std::string &parent, std::string_view name) {
    std::string path = parent + "/";
    for (const char c : name) {
        if (c == '~')
            path += "~0";
        else if (c == '/')
            path += "~1";
        else
            path += c;
    }
    return path;
}

} // namespace heartbeat::generator
