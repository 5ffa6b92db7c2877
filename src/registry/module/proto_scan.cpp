// Counts the open blocks of a .proto text. This file must find the same strings and comments as libprotobuf's
// tokenizer, because a closing bracket in a string must not count as the end of a block. Like the tokenizer,
// this file ends a string at the end of its line, even without a closing quote.
#include "registry/module/proto_scan.h"

#include "decode/utf8_text.h"

#include <algorithm>

namespace heartbeat {

namespace {

using std::string_view;

// Returns the index after the string that begins at `at`.
size_t skip_string(string_view text, size_t at) {
    const char quote = text[at++];
    while (at < text.size() && text[at] != quote && text[at] != '\n')
        at += text[at] == '\\' && at + 1 < text.size() && text[at + 1] != '\n' ? 2 : 1;
    // the caller counts the end of the line
    return at < text.size() && text[at] == quote ? at + 1 : std::min(at, text.size());
}

// Returns the index after the comment that begins at `at`. If no comment begins at `at`, returns `at`.
size_t skip_comment(string_view text, size_t at) {
    if (text.substr(at, 2) == "//")
        return std::min(text.find('\n', at), text.size());
    if (text.substr(at, 2) != "/*")
        return at;
    size_t end = text.find("*/", at + 2);
    return end == string_view::npos ? text.size() : end + 2;
}

size_t skip_unread(string_view text, size_t at) {
    return text[at] == '"' || text[at] == '\'' ? skip_string(text, at) : skip_comment(text, at);
}

} // namespace

const char *proto_scan(string_view text, int *line) noexcept {
    constexpr string_view openings = "{[<(", closings = "}]>)";
    int depths[openings.size()] = {}; // a wrong bracket must not close a block of another kind
    *line = 1;
    if (text.size() > proto_text_max)
        return "the text is larger than 1 MiB";
    if (!utf8_is_text(text.data(), text.size()))
        return "the text is not UTF-8, or has the character U+0000";
    for (size_t at = 0; at < text.size();) {
        size_t next = skip_unread(text, at);
        if (next != at) {
            *line += static_cast<int>(std::count(text.begin() + at, text.begin() + next, '\n'));
            at = next;
            continue;
        }
        if (text[at] == '\n')
            ++*line;
        size_t opened = openings.find(text[at]), closed = closings.find(text[at]);
        if (opened != string_view::npos && ++depths[opened] > proto_depth_max)
            return "more than 64 blocks are inside each other";
        if (closed != string_view::npos && depths[closed] > 0)
            --depths[closed];
        at++;
    }
    return nullptr;
}

} // namespace heartbeat
