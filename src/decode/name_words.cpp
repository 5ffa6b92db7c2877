// Divides a name at each character that is not a letter or a digit. Also divides the name before a capital
// letter: after a small letter or a digit ("heartRate": heart, rate), or before a small letter ("HRValue":
// hr, value).
#include "decode/name_words.h"

#include <algorithm>

namespace heartbeat {

namespace {

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

Words words_of(std::string_view name) {
    Words words;
    bool open = false;
    for (size_t i = 0; i < name.size(); i++) {
        const char c = name[i];
        if (!is_upper(c) && !is_lower(c) && !is_digit(c)) {
            open = false;
            continue;
        }
        const bool begins = is_upper(c) && i > 0 &&
                            (!is_upper(name[i - 1]) || (i + 1 < name.size() && is_lower(name[i + 1])));
        if (!open || begins)
            words.emplace_back();
        open = true;
        words.back() += lower(c);
    }
    return words;
}

Words last_words(const NamePath &path) {
    return path.empty() ? Words() : words_of(path.back());
}

Words parent_words(const NamePath &path) {
    Words words;
    for (size_t i = 0; i + 1 < path.size(); i++)
        for (std::string &word : words_of(path[i]))
            words.push_back(std::move(word));
    return words;
}

std::string joined(const Words &words) {
    std::string text;
    for (const std::string &word : words)
        text += word;
    return text;
}

bool has(WordList list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool has_any(const Words &words, WordList list) {
    return std::any_of(words.begin(), words.end(), [=](const std::string &word) { return has(list, word); });
}

bool contains_any(const std::string &text, WordList list) {
    return std::any_of(list.begin(), list.end(),
                       [&](std::string_view part) { return text.find(part) != text.npos; });
}

} // namespace heartbeat
