// Unit test: each layout of docs/sources.md becomes the readings that the document shows.
#include "sources_document.h"

namespace heartbeat {
namespace {

TEST(SourcesDocument, CommonLayouts) {
    for (const DocumentLayout &layout : document_layouts())
        EXPECT_EQ(decode(layout.blocks[0], {layout.blocks[1]}), layout.readings()) << layout.name;
}

} // namespace
} // namespace heartbeat
