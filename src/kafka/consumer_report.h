// Takes the reports of a consumer: notes, errors, lost topics and logs, and throttling. Each of these calls
// waits for a fill that runs ahead. The ingest worker and the sessions of functions call them.
#pragma once

#include "kafka/report.h"

namespace heartbeat {

class Consumer;

// Gives each error of a partition once; false: there is no more.
bool consumer_next_trouble(Consumer *consumer, PartitionTrouble *trouble) noexcept;

// Returns true and sets *loss, once for each loss. The client reports a loss if Kafka does not know the topic
// or a partition, or if another log has replaced the log that the client has read. It has losses only after a
// fill has returned FillResult::trouble for them, so that the caller assigns again.
bool consumer_lost_topic(Consumer *consumer, TopicLoss *loss) noexcept;

// Returns whether the client has found such a log, and examines other partitions before it reports the loss.
// The next fill after about a second reports it, even if no message arrives.
bool consumer_gathers_losses(Consumer *consumer) noexcept;

// Returns whether the client has read a message or the end of a partition since the last assignment. Also
// true if no partition is assigned.
bool consumer_heard(Consumer *consumer) noexcept;

// consumer_trouble() returns the error that caused the last FillResult::trouble. It is valid until the next
// call that reads. consumer_lost_brokers() returns whether the client lost its connections to all brokers.
const char *consumer_trouble(Consumer *consumer) noexcept;
bool consumer_lost_brokers(Consumer *consumer) noexcept;

// Returns whether a broker throttles this client; *throttle is then the broker with the longest delay.
bool consumer_throttled(Consumer *consumer, ConsumerThrottle *throttle) noexcept;

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept;

} // namespace heartbeat
