// Copies the bytes of a text that are safe to show: valid UTF-8 without control characters. Writes every
// other byte as an escape.
#include "decode/utf8_text.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>

namespace heartbeat {

namespace {

// Returns the character that begins at `at`, and sets *length. If no valid character begins at `at`, the
// function sets *length to 0. Overlong forms, surrogates and numbers above U+10FFFF are not valid. PostgreSQL
// has the same rule.
uint32_t decode_utf8(const char *at, size_t left, size_t *length) {
    auto byte = [=](size_t i) { return static_cast<unsigned char>(at[i]); };
    size_t size = byte(0) < 0x80 ? 1 : byte(0) < 0xc2 ? 0 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    *length = 0;
    if (size == 0 || size > left || byte(0) > 0xf4)
        return 0;
    constexpr unsigned char marks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = byte(0) & marks[size];
    for (size_t i = 1; i < size; i++) {
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte(i) & 0x3fU);
    }
    bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (overlong || surrogate || code > 0x10ffff)
        return 0;
    *length = size;
    return code;
}

bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

} // namespace

size_t utf8_shown_length(const char *at, size_t left) noexcept {
    size_t length;
    uint32_t code = decode_utf8(at, left, &length);
    return is_control(code) ? 0 : length;
}

bool utf8_is_text(const char *text, size_t size) noexcept {
    for (size_t i = 0; i < size;) {
        size_t length;
        if (decode_utf8(text + i, size - i, &length) == 0) // U+0000, or a byte that is not valid UTF-8
            return false;
        i += length;
    }
    return true;
}

void utf8_copy(char *to, size_t size, const char *from) noexcept {
    copy_shown(to, size, from, strlen(from), utf8_shown_length);
}

void utf8_print(char *to, size_t size, const char *format, ...) noexcept {
    char text[print_size_max];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    utf8_copy(to, size, text);
}

void ascii_copy(char *to, size_t size, const char *from) noexcept {
    copy_shown(to, size, from, strlen(from), [](const char *at, size_t) -> size_t {
        return *at >= 0x20 && *at <= 0x7e ? 1 : 0; // a char above ASCII is negative or greater than 0x7e
    });
}

} // namespace heartbeat
