// Moves over a text from left to right. decode_plain.cpp and timestamp.cpp read texts with it, without a
// parser.
#pragma once

namespace heartbeat {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// If one of the take functions returns false, it has not moved the cursor.
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

    // Takes all digits up to the next character that is no digit. Returns false if the next character is no
    // digit.
    bool take_digits() noexcept {
        const char *const begin = at;
        while (at != end && is_digit(*at))
            ++at;
        return at != begin;
    }
};

} // namespace heartbeat
