// Makes texts from outside (librdkafka, a broker, the operating system) safe to store, show, dump and log:
// valid UTF-8 without control characters, cut where a character ends. src/kafka and the floors above call it.
#pragma once

#include <cstddef>
#include <cstring>

namespace heartbeat {

inline constexpr size_t escape_size = 4; // of \xNN, which stands for a byte that cannot be shown

// Returns the escape's size; it is not terminated.
inline size_t write_escape(char *to, char byte) noexcept {
    constexpr char digits[] = "0123456789abcdef";
    auto value = static_cast<unsigned char>(byte);
    const char escape[escape_size] = {'\\', 'x', digits[value >> 4], digits[value & 15]};
    memcpy(to, escape, escape_size);
    return escape_size;
}

// Copies the characters that can be shown, writes each other byte as \xNN, and cuts the text where the next
// character or escape has no room. `length_at(at, left)` returns how many bytes the character at `at` has, or
// 0 if the byte cannot be shown. Backslashes stay unchanged, so a second copy does not change the text again.
// Returns the size of the copy, which is terminated.
template <typename LengthAt>
size_t copy_shown(char *to, size_t size, const char *from, size_t left, LengthAt length_at) noexcept {
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

// Returns the number of bytes of the UTF-8 character at `at`. Returns 0 if there is no valid character, and
// for a control character: of ASCII, of Unicode's second block (C1), and characters that break a line or
// change the direction of text.
size_t utf8_shown_length(const char *at, size_t left) noexcept;

// Copies a text that should be UTF-8.
void utf8_copy(char *to, size_t size, const char *from) noexcept;

// Formats as printf() does, and copies the result as utf8_copy() does. The formatted text is cut at so many
// bytes first.
inline constexpr size_t print_size_max = 4096;
void utf8_print(char *to, size_t size, const char *format, ...) noexcept
    __attribute__((format(printf, 3, 4)));

// Copies an identifier, and writes each byte that is not printable ASCII as an escape, so the copy is the
// same in each encoding of a database.
void ascii_copy(char *to, size_t size, const char *from) noexcept;

} // namespace heartbeat
