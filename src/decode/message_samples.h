// Copies of Kafka messages, in memory of a limited size. The consumer client reads the messages as if for a
// batch, but with a decoder that only copies each message. The functions that try a source and suggest
// mappings decode the copies afterwards.
#pragma once

#include "decode/decoder.h"

#include <cstddef>

namespace heartbeat {

class MessageSamples;

inline constexpr size_t samples_max = 10'000;
inline constexpr size_t samples_bytes_max = size_t{64} << 20;

// Makes room for `max_messages` messages, and for `max_bytes` bytes of keys, values and headers. Returns
// nullptr if no memory is left.
MessageSamples *message_samples_create(size_t max_messages, size_t max_bytes) noexcept;
void message_samples_destroy(MessageSamples *samples) noexcept; // nullptr is allowed

// The decoder ignores each message and keeps a copy of it. It copies no further messages when the samples are
// full. It fails with DecodeErrorCode::out_of_memory if no memory is left.
Decoder *message_samples_decoder(MessageSamples *samples) noexcept;

size_t message_samples_count(const MessageSamples *samples) noexcept;
bool message_samples_full(const MessageSamples *samples) noexcept; // true if there was no room for a message

// Drops the samples with the oldest Kafka times until there are at most `count` samples. Sorts the remaining
// samples by Kafka partition and offset.
void message_samples_keep_newest(MessageSamples *samples, size_t count) noexcept;

// The view is valid until the samples are destroyed or get another message.
MessageView message_samples_view(const MessageSamples *samples, size_t index) noexcept;

} // namespace heartbeat
