// Moves over a text from left to right. decode_plain.cpp, field_values.cpp and timestamp.cpp read texts with
// this class, without a parser.
#pragma once

namespace heartbeat {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// If take() or take_digits() returns false, the cursor has not moved.
struct TextCursor {
    const char *at;
    const char *end;

    bool at_end() const noexcept { return at == end; }

    bool take(char c) noexcept {
        if (at == end || *at != c)
            return false;
        ++at;
        return true;
    }

    // Takes digits until the next character is not a digit. Returns false if the first character is not a
    // digit.
    bool take_digits() noexcept {
        const char *const begin = at;
        while (at != end && is_digit(*at))
            ++at;
        return at != begin;
    }
};

} // namespace heartbeat
