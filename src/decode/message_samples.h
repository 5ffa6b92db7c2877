// Copies of Kafka messages, in memory of a limited size. The consumer client reads these messages as an
// ingest worker does, but its decoder only copies each message. The functions that try a source or suggest a
// mapping then decode the copies.
#pragma once

#include "decode/decoder.h"

#include <cstddef>

namespace heartbeat {

class MessageSamples;

inline constexpr size_t samples_max = 10'000;
inline constexpr size_t samples_bytes_max = size_t{64} << 20;

// The samples hold at most `max_messages` messages, and at most `max_bytes` bytes of keys, values and
// headers. Returns nullptr if no memory is left.
MessageSamples *message_samples_create(size_t max_messages, size_t max_bytes) noexcept;
void message_samples_destroy(MessageSamples *samples) noexcept; // nullptr is allowed

// The decoder copies each message, and returns DecodeResult::ignored. If a message does not fit into the
// samples, the decoder does not copy the message. If no memory is left, the decoder fails with
// DecodeErrorCode::out_of_memory.
Decoder *message_samples_decoder(MessageSamples *samples) noexcept;

size_t message_samples_count(const MessageSamples *samples) noexcept;
// returns true if a message did not fit into the samples
bool message_samples_full(const MessageSamples *samples) noexcept;

// If there are more than `count` samples, removes the samples with the oldest Kafka times. Sorts the
// remaining samples by Kafka partition and offset.
void message_samples_keep_newest(MessageSamples *samples, size_t count) noexcept;

// The view is valid until message_samples_keep_newest() or message_samples_destroy().
MessageView message_samples_view(const MessageSamples *samples, size_t index) noexcept;

} // namespace heartbeat
