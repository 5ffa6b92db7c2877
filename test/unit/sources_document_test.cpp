// Unit test: each layout of docs/sources.md becomes the readings that the document shows.
#include "mapping_examples.h"

namespace heartbeat {
namespace {

struct Layout {
    std::string name;
    std::vector<std::string> blocks; // mapping, message, readings
};

std::vector<Layout> layouts() {
    std::stringstream file(read_file("docs/sources.md"));
    std::vector<Layout> found;
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
    return found;
}

TEST(SourcesDocument, CommonLayouts) {
    const std::vector<Layout> found = layouts();
    EXPECT_GE(found.size(), 13U);
    for (const Layout &layout : found) {
        ASSERT_EQ(layout.blocks.size(), 3U) << layout.name;
        std::stringstream lines(layout.blocks[2]);
        std::string expected, line;
        while (std::getline(lines, line))
            expected += (expected.empty() ? "" : "; ") + line;
        EXPECT_EQ(decode(layout.blocks[0], {layout.blocks[1]}), expected) << layout.name;
    }
}

} // namespace
} // namespace heartbeat
