// Makes the texts of the faults of a mapping. If a name is illegal, this file finds the most similar legal
// name.
#include "decode/mapping_fault.h"

#include "decode/utf8_text.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace heartbeat {

namespace {

constexpr size_t shown_bytes_max = 64;
constexpr size_t compared_bytes_max = 64;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Returns the smallest number of changes that turn one name into the other. A change adds, removes or
// replaces a character, or exchanges two neighboring characters. The function ignores upper and lower case.
size_t distance(std::string_view from, std::string_view to) {
    std::vector<size_t> before(to.size() + 1), last(to.size() + 1), row(to.size() + 1);
    std::iota(last.begin(), last.end(), size_t{0});
    for (size_t i = 1; i <= from.size(); i++) {
        row[0] = i;
        for (size_t j = 1; j <= to.size(); j++) {
            const bool same = lower(from[i - 1]) == lower(to[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && lower(from[i - 1]) == lower(to[j - 2]) &&
                lower(from[i - 2]) == lower(to[j - 1]))
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
    }
    return last[to.size()];
}

} // namespace

void mapping_refuse(const std::string &pointer, const std::string &problem, const std::string &legal) {
    throw MappingFault{pointer, problem, legal};
}

std::string mapping_pointer(const std::string &parent, std::string_view name) {
    std::string pointer = parent + "/";
    for (const char c : name) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
    return pointer;
}

std::string mapping_quote(std::string_view text) {
    if (text.size() <= shown_bytes_max)
        return "\"" + std::string(text) + "\"";
    size_t size = shown_bytes_max;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U)
        size--; // do not cut a character into two parts
    return "\"" + std::string(text.substr(0, size)) + "...\"";
}

std::string mapping_list(Names names) {
    std::string list;
    for (size_t i = 0; i < names.size(); i++) {
        if (i > 0)
            list += i + 1 == names.size() ? " or " : ", ";
        list += "\"" + std::string(names[i]) + "\"";
    }
    return list;
}

std::string mapping_suggest(std::string_view name, Names names) {
    std::string_view best;
    size_t best_distance = std::max(name.size() / 3, size_t{1}) + 1;
    if (name.size() > compared_bytes_max)
        return "";
    for (const std::string_view candidate : names) {
        const size_t changes = distance(name, candidate);
        if (changes < best_distance && changes < candidate.size()) {
            best = candidate;
            best_distance = changes;
        }
    }
    return best.empty() ? "" : "did you mean \"" + std::string(best) + "\"?";
}

} // namespace heartbeat
