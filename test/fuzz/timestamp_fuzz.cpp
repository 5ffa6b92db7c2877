// Fuzzing: for any text, timestamp_parse() gives an instant, or refuses the text and leaves its result
// unchanged. If an instant is written as text, and this text is read again, the result is the same instant.
#include "decode/timestamp.h"
#include "require.h"

#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    using namespace heartbeat;
    constexpr int64_t untouched = 0x5EED5EED5EED;
    constexpr int64_t year_0_begin = -62167219200'000000;
    constexpr int64_t year_10000_begin = 253402300800'000000;
    constexpr int64_t longest_offset = 16 * 3600'000000LL;

    int64_t event_time = untouched;
    if (!timestamp_parse({reinterpret_cast<const char *>(data), size}, &event_time)) {
        require(event_time == untouched);
        return 0;
    }
    require(size >= 19);
    require(event_time > year_0_begin - longest_offset && event_time < year_10000_begin + longest_offset);
    if (event_time < year_0_begin || event_time >= year_10000_begin)
        return 0;

    char text[timestamp_text_size];
    timestamp_format(event_time, text);
    int64_t again = untouched;
    require(timestamp_parse({text, sizeof(text)}, &again));
    require(again == event_time);
    return 0;
}
