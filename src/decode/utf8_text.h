// Copies texts from librdkafka, a broker or the operating system. A copy is valid UTF-8 without control
// characters, so the copy is safe to store, show, dump and log. If a text is too long, the functions cut the
// text between two characters. Most folders of src call these functions.
#pragma once

#include <cstddef>
#include <cstring>

namespace heartbeat {

inline constexpr size_t escape_size = 4; // the size of \xNN, the escape for a byte that is not safe to show

// Writes an escape without a terminator, and returns the size of the escape.
inline size_t write_escape(char *to, char byte) noexcept {
    constexpr char digits[] = "0123456789abcdef";
    auto value = static_cast<unsigned char>(byte);
    const char escape[escape_size] = {'\\', 'x', digits[value >> 4], digits[value & 15]};
    memcpy(to, escape, escape_size);
    return escape_size;
}

// Copies the characters that are safe to show, and writes every other byte as \xNN. Cuts the text before the
// first character or escape that does not fit. `length_at(at, left)` returns the number of bytes of the
// character at `at`, or 0 if the byte is not safe to show. Backslashes stay unchanged, so a copy of the copy
// has the same text. The copy has a terminator. Returns the size of the copy without the terminator.
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

// Returns the number of bytes of the UTF-8 character at `at`. Returns 0 if no valid character begins at `at`.
// Also returns 0 for a control character (in ASCII, or U+0080 to U+009F), and for a character that breaks a
// line or changes the direction of text.
size_t utf8_shown_length(const char *at, size_t left) noexcept;

// Returns whether the bytes are valid UTF-8 without the character U+0000. A text in the database cannot
// contain U+0000.
bool utf8_is_text(const char *text, size_t size) noexcept;

// Returns the number of characters in valid UTF-8. The function counts the bytes that are not continuation
// bytes: each character has exactly one.
inline size_t utf8_count(const char *text, size_t size) noexcept {
    size_t characters = 0;
    for (size_t i = 0; i < size; ++i)
        characters += (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    return characters;
}

// Copies a text. The caller expects UTF-8, but the text can have invalid bytes.
void utf8_copy(char *to, size_t size, const char *from) noexcept;

// Formats a text in the same way as printf(). Cuts the text at print_size_max bytes, and copies the text in
// the same way as utf8_copy().
inline constexpr size_t print_size_max = 4096;
void utf8_print(char *to, size_t size, const char *format, ...) noexcept
    __attribute__((format(printf, 3, 4)));

// Copies an identifier. Writes every byte that is not printable ASCII as an escape, so the copy is the same
// in every encoding of a database.
void ascii_copy(char *to, size_t size, const char *from) noexcept;

} // namespace heartbeat
