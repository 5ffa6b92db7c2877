// Texts from outside (an error, a table, a setting, src/stream) on their way into memory of a
// fixed size, a table, a client's message or the log. What comes out is valid in the database's encoding, has
// no control characters, and is cut where a character ends. Nothing here raises an error but for want of
// memory.
#pragma once

#include <cstddef>

namespace heartbeat {

// Copies a text that is meant to be in the database's encoding. A byte that no character of it has, and each
// byte of a control character, becomes \xNN. A second copy changes nothing more.
void text_copy(char *to, size_t size, const char *from);
template <size_t size> void text_copy(char (&to)[size], const char *from) {
    text_copy(to, size, from);
}

// The same of printf's words.
void text_print(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The same of a text in UTF-8, as src/stream has them. A character that the database's encoding lacks becomes
// a question mark.
void text_take(char *to, size_t size, const char *utf8);
template <size_t size> void text_take(char (&to)[size], const char *utf8) {
    text_take(to, size, utf8);
}

// The same at any length; palloc'd.
char *text_from_utf8(const char *utf8);
char *text_from_utf8(const char *utf8, size_t size);

// Appends a sentence to what is there, with a space between them.
void text_add_sentence(char *to, size_t size, const char *sentence);

// From the database's encoding to UTF-8, at any length; palloc'd.
char *text_to_utf8(const char *text);

// text_copy() at any length, for the log: nullptr where there is nothing to change, otherwise palloc'd. Line
// breaks and tabs are left where `lines`.
char *text_escape(const char *text, bool lines);

// Finds the conversions: in a transaction, once. A session need not call it.
void text_prepare();

} // namespace heartbeat
