// Decodes the messages that librdkafka has queued into a batch. It runs on the caller's thread, or on a
// second thread ahead of the caller.
#pragma once

#include "decode/batch.h"
#include "kafka/report.h"

namespace heartbeat {

class Consumer;

// Empties the descriptor, and while nothing is assigned takes what librdkafka has to say. For callers that
// wait for an answer.
void consumer_listen(Consumer *consumer) noexcept;

// Decodes what is queued into the batch, without waiting.
FillResult consumer_fill(Consumer *consumer, Batch *batch) noexcept;

// The same on a thread of its own, while the caller does something else than read; it seals a batch that gets
// full. Every other call waits for it to end, but those that touch nothing that the thread does:
// consumer_descriptor, consumer_refresh_ms and consumer_stored. False: there is no thread, and nothing was
// done.
bool consumer_fill_ahead(Consumer *consumer, Batch *batch) noexcept;
FillResult consumer_ahead_result(Consumer *consumer) noexcept;
void consumer_finish_ahead(Consumer *consumer) noexcept; // waits for it to end; nullptr is fine

// The batch will grow no more: the next one begins where it ends.
void consumer_advance(Consumer *consumer, Batch *batch) noexcept;

// The batch is stored.
void consumer_stored(Consumer *consumer, const Batch *batch) noexcept;

} // namespace heartbeat
