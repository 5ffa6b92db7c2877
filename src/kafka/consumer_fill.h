// Takes the messages that librdkafka has queued through the pipeline into a batch. It runs on the caller's
// thread, or on a second thread while the caller stores the batch before.
#pragma once

#include "decode/batch.h"
#include "kafka/report.h"

namespace heartbeat {

class Consumer;
class Decoder;

// Empties the descriptor. While no partition is assigned, it also handles librdkafka's events. A caller that
// waits for an answer calls it.
void consumer_listen(Consumer *consumer) noexcept;

// Decodes the queued messages into the batch, without waiting.
FillResult consumer_fill(Consumer *consumer, const Decoder *decoder, Batch *batch) noexcept;

// Does the same as consumer_fill() on a second thread, while the caller does other work. The thread seals the
// batch if it gets full. Each other call waits for the thread to end, except a call that uses no data of the
// thread: see the fields of Consumer in consumer_client.h. False: no thread was started, and the batch is
// unchanged.
bool consumer_fill_ahead(Consumer *consumer, const Decoder *decoder, Batch *batch) noexcept;
FillResult consumer_ahead_result(Consumer *consumer) noexcept;
void consumer_finish_ahead(Consumer *consumer) noexcept; // waits for the thread to end; nullptr is allowed

// The batch is complete: moves the positions to its end, where the next batch begins.
void consumer_advance(Consumer *consumer, Batch *batch) noexcept;

// The batch is stored.
void consumer_stored(Consumer *consumer, const Batch *batch) noexcept;

} // namespace heartbeat
