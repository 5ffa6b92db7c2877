// Only strings, numbers and the names true, false and null can contain digits or letters. So outside of
// strings, each digit and each minus sign belongs to a number.
#include "decode/json_numbers.h"

#include "decode/number_text.h"
#include "decode/text_cursor.h"

#include <algorithm>

namespace heartbeat {

namespace {

// Returns the index after the string that begins at `at`.
size_t skip_string(std::string_view text, size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\')
            ++at;
    return std::min(at + 1, text.size());
}

} // namespace

size_t json_number_out_of_range(std::string_view text) noexcept {
    for (size_t at = 0; at < text.size();) {
        if (text[at] == '"') {
            at = skip_string(text, at);
        } else if (text[at] == '-' || is_digit(text[at])) {
            const size_t end = std::min(text.find_first_not_of("+-.0123456789eE", at), text.size());
            ValueNode number;
            const NumberText result = number_parse(text.substr(at, end - at), &number);
            if (result != NumberText::number)
                return result == NumberText::out_of_range ? end : text.npos;
            at = end;
        } else {
            ++at;
        }
    }
    return text.npos;
}

} // namespace heartbeat
