// Copies texts from an error, a table, a setting, src/kafka or src/decode. The copies go into memory of a
// fixed size, into a table, into a message to a client or into the log. A copy has no control characters, and
// is never cut inside a character. A copy is valid in the database's encoding, but text_to_utf8() returns
// UTF-8. These functions raise an error only if no memory is left. text_exactly_to_utf8() is different: see
// its comment.
#pragma once

#include <cstddef>

namespace heartbeat {

// Copies a text that should be in the database's encoding, but can have invalid bytes. Each invalid byte, and
// each byte of a control character, becomes \xNN. text_copy() does not change a text that text_copy() has
// made.
void text_copy(char *to, size_t size, const char *from);
template <size_t size> void text_copy(char (&to)[size], const char *from) {
    text_copy(to, size, from);
}

// Formats a text, and copies the result in the same way as text_copy().
void text_print(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Does the same as text_copy(), but for a text in UTF-8. The texts of src/kafka and src/decode are UTF-8. A
// character that the database's encoding does not have becomes a question mark.
void text_take(char *to, size_t size, const char *utf8);
template <size_t size> void text_take(char (&to)[size], const char *utf8) {
    text_take(to, size, utf8);
}

// Does the same as text_take(), but for a text of any length. Allocates the result with palloc().
char *text_from_utf8(const char *utf8);
char *text_from_utf8(const char *utf8, size_t size);

// Appends a sentence to the text, with a space between the text and the sentence.
void text_add_sentence(char *to, size_t size, const char *sentence);

// Converts a text of any length from the database's encoding to UTF-8. Allocates the result with palloc().
char *text_to_utf8(const char *text);

// Converts a text of any length from the database's encoding to UTF-8, and changes no character, not even a
// line break. Raises an error if the text has invalid bytes. Allocates the result with palloc().
char *text_exactly_to_utf8(const char *text);

// Does the same as text_copy(), but for the log and for a text of any length. Allocates the copy with
// palloc(). Returns nullptr if the text needs no change. If `lines` is true, line breaks and tabs stay.
char *text_escape(const char *text, bool lines);

// Finds the conversions between UTF-8 and the database's encoding. The search needs a transaction. A worker
// calls this function at its start, because later it also converts texts outside of a transaction. In a
// session, the functions above call this function when they need the conversions.
void text_prepare();

} // namespace heartbeat
