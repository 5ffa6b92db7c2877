// Takes the messages that librdkafka has queued, and moves them through the pipeline into a batch. This code
// runs on the caller's thread. While the caller stores the previous batch, this code can also run on a second
// thread.
#pragma once

#include "decode/batch.h"
#include "kafka/report.h"

namespace heartbeat {

class Consumer;
class Decoder;

// Empties the consumer's own pipe (see wake.h), and handles librdkafka's events. If no partition is assigned,
// the function also drops the queued messages. Call this function before you wait for an answer.
void consumer_listen(Consumer *consumer) noexcept;

// Decodes the queued messages into the batch, without waiting.
FillResult consumer_fill(Consumer *consumer, Decoder *decoder, Batch *batch) noexcept;

// Does the same as consumer_fill() on a second thread, while the caller does other work. The thread seals the
// batch if the batch is full. Each function that uses the same fields of Consumer as the thread (see
// consumer_client.h) first waits until the thread has ended. If no thread could be started, returns false and
// does not change the batch.
bool consumer_fill_ahead(Consumer *consumer, Decoder *decoder, Batch *batch) noexcept;
FillResult consumer_ahead_result(Consumer *consumer) noexcept;
void consumer_finish_ahead(Consumer *consumer) noexcept; // waits for the thread to end; nullptr is allowed

// Call this function when the batch is complete. Moves the positions to the end of this batch, where the next
// batch begins.
void consumer_advance(Consumer *consumer, Batch *batch) noexcept;

// Call this function when the batch is stored. Moves the stored positions to the end of this batch.
void consumer_stored(Consumer *consumer, const Batch *batch) noexcept;

} // namespace heartbeat
