// Unit test: several threads decode with the same mapping. Each thread has its own decoder.
#include "mapping_examples.h"

#include <thread>

namespace heartbeat {
namespace {

TEST(MappedThreads, ShareAMapping) {
    const MappingPointer mapping = compile(Fields{
        "'/id'", "'each/v'", "{'at':'each/t','zone':'Europe/Berlin'}", "'each':'/s','when':{'/k':[1,2]}"}
                                               .json());
    const auto work = [&](int first) {
        MappedMemory memory;
        MappedDecoder decoder(*mapping, &memory);
        for (int i = first; i < first + 200; i++) {
            const std::string id = std::to_string(i);
            std::string payload = "{'k':1,'id':", expected = id;
            payload += id;
            payload += ",'s':[{'v':74,'t':'2026-07-01T12:00:00'},{'v':75,'t':'2026-12-01T12:00:00'}]}";
            payload = quoted(payload);
            expected += " 74 2026-07-01T10:00:00Z; ";
            expected += id;
            expected += " 75 2026-12-01T11:00:00Z";
            MessageView view;
            view.payload = {payload.data(), payload.size()};
            EXPECT_EQ(decode(&decoder, view), expected);
        }
    };
    std::thread one(work, 0), two(work, 1000);
    one.join();
    two.join();
}

} // namespace
} // namespace heartbeat
