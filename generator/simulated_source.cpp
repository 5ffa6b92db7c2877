// Generator: the source of messages that writes the simulator's readings in heartbeat's own layout. The key
// of a message is the customer id.
#include "simulated_source.h"

#include "encode.h"

#include <algorithm>

namespace heartbeat::generator {

SourceState SimulatedSource::next(Message *message) {
    if (!simulator_.next(&reading_))
        return SourceState::end;
    encode_reading(reading_, &payload_);
    message->key = {reading_.customer_id, reading_.customer_id_size};
    message->has_key = true;
    message->payload = payload_;
    message->headers = {};
    // librdkafka would replace the time 0 with the present time, so the smallest time is 1
    message->timestamp_ms = std::max<int64_t>(reading_.event_time / 1000, 1);
    return SourceState::message;
}

} // namespace heartbeat::generator
