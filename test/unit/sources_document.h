// Unit test: the common layouts of docs/sources.md. The tests of mappings and of suggestions include this
// file.
#pragma once

#include "mapping_examples.h"

#include <sstream>
#include <string>
#include <vector>

namespace heartbeat {

struct DocumentLayout {
    std::string name;
    std::vector<std::string> blocks; // mapping, message, readings

    std::string readings() const { // as decode() shows them
        std::stringstream lines(blocks[2]);
        std::string text, line;
        while (std::getline(lines, line))
            text += (text.empty() ? "" : "; ") + line;
        return text;
    }
};

inline std::vector<DocumentLayout> document_layouts() {
    std::stringstream file(read_file("docs/sources.md"));
    std::vector<DocumentLayout> found;
    std::string line;
    bool in_part = false, in_block = false;
    while (std::getline(file, line)) {
        if (line.substr(0, 3) == "## ")
            in_part = line == "## Common layouts";
        if (!in_part)
            continue;
        if (line.substr(0, 4) == "### ")
            found.push_back({line.substr(4), {}});
        else if (line.substr(0, 3) == "```" && !in_block)
            found.back().blocks.emplace_back(), in_block = true;
        else if (line.substr(0, 3) == "```")
            in_block = false;
        else if (in_block)
            found.back().blocks.back() += line + "\n";
    }
    EXPECT_GE(found.size(), 13U);
    for (const DocumentLayout &layout : found)
        EXPECT_EQ(layout.blocks.size(), 3U) << layout.name;
    return found;
}

} // namespace heartbeat
