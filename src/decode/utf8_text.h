// Texts from outside (librdkafka, a broker, the operating system) made fit to be stored, shown,
// dumped and logged: valid UTF-8 without control characters, cut where a character ends.
#pragma once

#include <cstddef>
#include <cstring>

namespace heartbeat {

inline constexpr size_t escape_size = 4; // of \xNN, as a byte is written that cannot be shown

// Returns the escape's size; it is not terminated.
inline size_t write_escape(char *to, char byte) noexcept {
    constexpr char digits[] = "0123456789abcdef";
    auto value = static_cast<unsigned char>(byte);
    const char escape[escape_size] = {'\\', 'x', digits[value >> 4], digits[value & 15]};
    memcpy(to, escape, escape_size);
    return escape_size;
}

// Writes what can be shown as it is and each other byte as \xNN, and cuts where the next character or escape
// has no room. `length_at(at, left)` says how many bytes the character has that begins there, 0 where the
// byte cannot be shown. Backslashes stay as they are, so a text that has been copied once stays the same by
// another copy. Returns the copy's size; it is terminated.
template <typename LengthAt>
size_t copy_shown(char *to, size_t size, const char *from, size_t left, LengthAt length_at) {
    size_t written = 0;
    while (left > 0) {
        size_t length = length_at(from, left);
        if (written + (length == 0 ? escape_size : length) >= size)
            break;
        if (length == 0) {
            written += write_escape(to + written, *from);
            length = 1;
        } else {
            memcpy(to + written, from, length);
            written += length;
        }
        from += length;
        left -= length;
    }
    to[written] = '\0';
    return written;
}

// How many bytes the UTF-8 character has that begins at `at`; 0 where there is none, and for a control
// character: of ASCII, of Unicode's second block, and those that break lines or change the direction of what
// follows.
size_t utf8_shown_length(const char *at, size_t left) noexcept;

// Copies what is meant to be UTF-8.
void utf8_copy(char *to, size_t size, const char *from) noexcept;

// The same of printf's words. Its result has room for so many bytes before it is made fit.
inline constexpr size_t print_size_max = 4096;
void utf8_print(char *to, size_t size, const char *format, ...) noexcept
    __attribute__((format(printf, 3, 4)));

// Copies an identifier: what is not printable ASCII is escaped, so it is the same in every encoding.
void ascii_copy(char *to, size_t size, const char *from) noexcept;

} // namespace heartbeat
