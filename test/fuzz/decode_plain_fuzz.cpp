// Fuzzing of the stream half: what decode_plain() takes is, bit for bit, what the JSON parser makes of it.
#include "stream/decode_json.h"
#include "stream/decode_plain.h"

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
    const bool same = decode_json(payload, size, &parsed, &error) &&
                      plain.customer_id_size == parsed.customer_id_size &&
                      std::memcmp(plain.customer_id, parsed.customer_id, parsed.customer_id_size) == 0 &&
                      std::memcmp(&plain.heart_rate, &parsed.heart_rate, sizeof(double)) == 0 &&
                      plain.event_time == parsed.event_time;
    if (!same)
        std::abort();
    return 0;
}
