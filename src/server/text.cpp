// Converts, escapes and cuts texts. The server's usual conversion functions need a transaction, and raise an
// error if they cannot convert a character. So this file calls PostgreSQL's functions for a single pair of
// encodings directly. Only text_exactly_to_utf8() uses a usual function: pg_server_to_any().
#include "server/server.h"

#include "decode/utf8_text.h"
#include "server/text.h"

#include <cstdarg>
#include <cstring>

extern "C" {
#include "access/xact.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_namespace.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

struct Conversion {
    int from, to; // encodings
    FmgrInfo function;
    bool found;
};
Conversion from_utf8, to_utf8;
bool prepared = false;

// Returns true for the encodings in which the bytes 0x80 to 0x9f are control characters.
bool is_iso_8859(int encoding) {
    return (encoding >= PG_LATIN1 && encoding <= PG_LATIN10) ||
           (encoding >= PG_ISO_8859_5 && encoding <= PG_ISO_8859_8);
}

// Returns the number of bytes of the character at `at`. Returns 0 if the character is not safe to show. In a
// database without an encoding (SQL_ASCII), the function reads the text as UTF-8.
size_t shown_length(const char *at, size_t left) {
    auto first = static_cast<unsigned char>(*at);
    if (first < 0x80)
        return first < 0x20 || first == 0x7f ? 0 : 1;
    int encoding = GetDatabaseEncoding();
    if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
        return utf8_shown_length(at, left);
    if (is_iso_8859(encoding) && first < 0xa0)
        return 0;
    int length = pg_encoding_verifymbchar(encoding, at, static_cast<int>(left));
    return length < 0 ? 0 : static_cast<size_t>(length);
}

bool is_utf8_here() {
    return GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII;
}

void find(Conversion *conversion, int from, int to) {
    conversion->from = from;
    conversion->to = to;
    // use only the conversion of the server itself, because any role can create a default conversion in
    // another schema
    Oid function = FindDefaultConversion(PG_CATALOG_NAMESPACE, from, to);
    if (!OidIsValid(function))
        return;
    fmgr_info_cxt(function, &conversion->function, TopMemoryContext);
    conversion->found = true;
}

// Converts the beginning of `from`, and writes the result to `to`. Stops before the first character that has
// no conversion. Returns the number of converted bytes of `from`.
size_t convert_some(Conversion *conversion, const char *from, size_t size, char *to) {
    *to = '\0';
    if (!conversion->found)
        return 0;
    return static_cast<size_t>(
        DatumGetInt32(FunctionCall6(&conversion->function, Int32GetDatum(conversion->from),
                                    Int32GetDatum(conversion->to), CStringGetDatum(from), CStringGetDatum(to),
                                    Int32GetDatum(static_cast<int>(size)), BoolGetDatum(true))));
}

bool is_ascii(const char *text, size_t size) {
    return std::all_of(text, text + size, [](char byte) { return static_cast<signed char>(byte) > 0; });
}

// Converts the text. For a character that has no conversion, replace(at, left, &to) writes a replacement and
// returns the length of the character.
template <typename Replace>
char *convert(Conversion *conversion, const char *from, size_t size, Replace replace) {
    size = std::min(size, MaxAllocSize / MAX_CONVERSION_GROWTH - 1);
    if (!prepared && IsTransactionState())
        text_prepare();
    char *converted = static_cast<char *>(palloc(size * MAX_CONVERSION_GROWTH + 1));
    char *to = converted;
    for (size_t done = 0; done < size;) {
        done += convert_some(conversion, from + done, size - done, to);
        to += strlen(to);
        if (done < size)
            done += replace(from + done, size - done, &to);
    }
    *to = '\0';
    return converted;
}

char *copy_all(const char *from, size_t size) {
    size = std::min(size, MaxAllocSize / escape_size - 1);
    char *copy = static_cast<char *>(palloc(size * escape_size + 1));
    copy_shown(copy, size * escape_size + 1, from, size, shown_length);
    return copy;
}

} // namespace

void text_prepare() {
    if (!is_utf8_here()) {
        find(&from_utf8, PG_UTF8, GetDatabaseEncoding());
        find(&to_utf8, GetDatabaseEncoding(), PG_UTF8);
    }
    prepared = true;
}

void text_copy(char *to, size_t size, const char *from) {
    // if the text is long, read only the bytes that fit and one more character
    copy_shown(to, size, from, strnlen(from, size + MAX_MULTIBYTE_CHAR_LEN), shown_length);
}

void text_print(char *to, size_t size, const char *format, ...) {
    char text[print_size_max];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    text_copy(to, size, text);
}

void text_add_sentence(char *to, size_t size, const char *sentence) {
    size_t used = strlen(to);
    text_print(to + used, size - used, "%s%s", used == 0 ? "" : " ", sentence);
}

char *text_from_utf8(const char *utf8, size_t size) {
    if (is_utf8_here() || is_ascii(utf8, size))
        return copy_all(utf8, size);
    char *converted = convert(&from_utf8, utf8, size, [](const char *at, size_t left, char **to) {
        size_t length = utf8_shown_length(at, left);
        if (length == 0)
            *to += write_escape(*to, *at);
        else
            *(*to)++ = '?';
        return std::max<size_t>(length, 1);
    });
    char *shown = copy_all(converted, strlen(converted));
    pfree(converted);
    return shown;
}

char *text_from_utf8(const char *utf8) {
    return text_from_utf8(utf8, strlen(utf8));
}

void text_take(char *to, size_t size, const char *utf8) {
    char *text = text_from_utf8(utf8);
    text_copy(to, size, text);
    pfree(text);
}

char *text_to_utf8(const char *text) {
    char *shown = copy_all(text, strlen(text));
    size_t size = strlen(shown);
    if (is_utf8_here() || is_ascii(shown, size))
        return shown;
    char *converted = convert(&to_utf8, shown, size, [](const char *at, size_t left, char **to) {
        size_t length = std::max<size_t>(shown_length(at, left), 1);
        for (size_t i = 0; i < length; i++)
            *to += write_escape(*to, at[i]);
        return length;
    });
    pfree(shown);
    return converted;
}

char *text_exactly_to_utf8(const char *text) {
    char *converted = pg_server_to_any(text, static_cast<int>(strlen(text)), PG_UTF8);
    return converted == text ? pstrdup(text) : converted;
}

char *text_escape(const char *text, bool lines) {
    auto length_at = [=](const char *at, size_t left) {
        return lines && (*at == '\n' || *at == '\t') ? size_t{1} : shown_length(at, left);
    };
    size_t size = strlen(text);
    size_t changed = 0;
    for (size_t at = 0, length; at < size; at += std::max<size_t>(length, 1)) {
        length = length_at(text + at, size - at);
        changed += length == 0;
    }
    if (changed == 0)
        return nullptr;
    size_t room = std::min(size + changed * escape_size, MaxAllocSize - 1) + 1;
    char *escaped = static_cast<char *>(palloc(room));
    copy_shown(escaped, room, text, size, length_at);
    return escaped;
}

} // namespace heartbeat
