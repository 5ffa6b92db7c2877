// Fuzzing: if decode_plain() accepts a payload, its reading and the JSON parser's reading are equal, bit for
// bit.
#include "decode/decode_json.h"
#include "decode/decode_plain.h"

#include <bit>
#include <cstdlib>
#include <cstring>

using namespace heartbeat;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *const payload = reinterpret_cast<const char *>(data);
    Reading plain;
    if (size == 0 || !decode_plain({payload, size}, &plain))
        return 0;
    Reading parsed;
    DecodeError error;
    const bool same =
        decode_json(payload, size, &parsed, &error) && plain.customer_id_size == parsed.customer_id_size &&
        std::memcmp(plain.customer_id, parsed.customer_id, parsed.customer_id_size) == 0 &&
        std::bit_cast<uint64_t>(plain.heart_rate) == std::bit_cast<uint64_t>(parsed.heart_rate) &&
        plain.event_time == parsed.event_time;
    if (!same)
        std::abort();
    return 0;
}
