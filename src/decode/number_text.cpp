// Converts the text of a number without a JSON parser.
#include "decode/number_text.h"

#include "decode/text_cursor.h"

#include <algorithm>
#include <charconv>

namespace heartbeat {

namespace {

bool is_json_number(std::string_view text, bool *is_integer) {
    TextCursor cursor{text.data(), text.data() + text.size()};
    cursor.take('-');
    const char *const digits = cursor.at;
    if (!cursor.take_digits() || (*digits == '0' && cursor.at - digits > 1))
        return false;
    *is_integer = cursor.at_end();
    if (cursor.take('.') && !cursor.take_digits())
        return false;
    if (cursor.take('e') || cursor.take('E')) {
        if (!cursor.take('+'))
            cursor.take('-');
        if (!cursor.take_digits())
            return false;
    }
    return cursor.at_end();
}

// `text` is a number that does not fit into a double, because its absolute value is too large or almost 0.
// Returns true if the absolute value is too large. The function compares the exponent with the position of
// the first digit that is not 0.
bool is_great(std::string_view text) {
    const size_t mantissa_size = std::min(text.find_first_of("eE"), text.size());
    const size_t first = text.find_first_of("123456789");
    if (first >= mantissa_size)
        return false; // 0
    const std::string_view mantissa = text.substr(0, mantissa_size);
    const size_t point = std::min(mantissa.find('.'), mantissa_size);
    long exponent = 0;
    if (mantissa_size < text.size()) {
        std::string_view digits = text.substr(mantissa_size + 1);
        if (digits[0] == '+')
            digits.remove_prefix(1);
        const std::from_chars_result end =
            std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
        if (end.ec != std::errc{})
            return digits[0] != '-';
    }
    return exponent > static_cast<long>(first) - static_cast<long>(point); // a sum could overflow
}

template <typename Number> bool parse_whole(std::string_view text, Number *number) {
    const std::from_chars_result end = std::from_chars(text.data(), text.data() + text.size(), *number);
    return end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

} // namespace

NumberText number_parse(std::string_view text, ValueNode *number) noexcept {
    bool is_integer = false;
    if (!is_json_number(text, &is_integer))
        return NumberText::not_a_number;
    number->size = 0;
    if (is_integer) {
        number->type = ValueType::integer;
        if (parse_whole(text, &number->integer))
            return NumberText::number;
        number->type = ValueType::unsigned_integer;
        return parse_whole(text, &number->unsigned_integer) ? NumberText::number : NumberText::out_of_range;
    }
    number->type = ValueType::real;
    const std::from_chars_result end = std::from_chars(text.data(), text.data() + text.size(), number->real);
    if (end.ec == std::errc{})
        return NumberText::number;
    // from_chars() returns the same error for a number that is too large and for a number that is almost 0,
    // so is_great() distinguishes these numbers
    number->real = 0;
    return is_great(text) ? NumberText::out_of_range : NumberText::number;
}

} // namespace heartbeat
