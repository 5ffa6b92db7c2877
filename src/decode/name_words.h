// Divides a name in a message into words, and searches lists of words. suggest_names.cpp guesses the meaning
// of a value from these words. These functions may throw, so only src/decode includes this header.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat {

using Words = std::vector<std::string>;    // in small letters
using NamePath = std::vector<std::string>; // the names on the path from the message to the value
using WordList = std::span<const std::string_view>;

Words words_of(std::string_view name); // heartRateBPM and heart_rate_bpm become: heart, rate, bpm
Words last_words(const NamePath &path);
Words parent_words(const NamePath &path); // the words of all names except the last
std::string joined(const Words &words);   // the words without spaces: heartratebpm

bool has(WordList list, std::string_view word);
bool has_any(const Words &words, WordList list); // returns whether one of the words is in the list
// returns whether the text contains a word of the list
bool contains_any(const std::string &text, WordList list);

} // namespace heartbeat
