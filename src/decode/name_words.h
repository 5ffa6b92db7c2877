// The words of a name in a message, and searches in lists of words. suggest_names.cpp guesses from these
// words what a value means. These functions may throw, so only src/decode includes this header.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat {

using Words = std::vector<std::string>;    // in small letters
using NamePath = std::vector<std::string>; // the names on the way from the message to the value
using WordList = std::span<const std::string_view>;

Words words_of(std::string_view name); // heartRateBPM and heart_rate_bpm: heart, rate, bpm
Words last_words(const NamePath &path);
Words parent_words(const NamePath &path); // of all names but the last
std::string joined(const Words &words);   // heartratebpm

bool has(WordList list, std::string_view word);
bool has_any(const Words &words, WordList list);           // whether one of the words is in the list
bool contains_any(const std::string &text, WordList list); // whether the text contains one of the words

} // namespace heartbeat
