// Moves over a text from left to right, for those who read one without a parser.
#pragma once

namespace heartbeat {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// A take that fails has not moved.
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

    // As many digits as there are.
    bool take_digits() noexcept {
        const char *const begin = at;
        while (at != end && is_digit(*at))
            ++at;
        return at != begin;
    }
};

} // namespace heartbeat
