// Returns the reports of a consumer: messages for the server's log, errors, lost topics, partitions whose log
// was replaced, and throttling. Each of these functions waits until the thread of consumer_fill_ahead() has
// ended. The ingest worker calls these functions. A user's session also calls these functions if the session
// itself reads messages, for example during a replay.
#pragma once

#include "kafka/report.h"

namespace heartbeat {

class Consumer;

// Sets *trouble to the next error of a partition, and forgets this error. Returns false if there is no error.
bool consumer_next_trouble(Consumer *consumer, PartitionTrouble *trouble) noexcept;

// Sets *loss to the next loss, forgets this loss and returns true. Returns false if there is no loss. A loss
// means that Kafka does not know the topic or a partition, or that another log has replaced the log that the
// client has read. The function returns a replaced log only after consumer_fill() has returned
// FillResult::trouble because of this log.
bool consumer_lost_topic(Consumer *consumer, TopicLoss *loss) noexcept;

// Returns true if the client has found a replaced log but has not reported the loss yet. The client first
// examines the other partitions, for at most one second, so that it reports all losses together. After that,
// the next consumer_fill() returns FillResult::trouble, even if no message has arrived.
bool consumer_gathers_losses(Consumer *consumer) noexcept;

// Returns true if an examination since the assignment has found that the partition's log is still the log
// that the client has read before. Returns false while an examination is under way.
bool consumer_has_examined(Consumer *consumer, int32_t partition) noexcept;

// Returns true if the client has read a message or the end of a partition since the last assignment. Also
// returns true if no partition is assigned.
bool consumer_heard(Consumer *consumer) noexcept;

// Returns true while an assigned partition has delivered neither a message nor its end since the assignment.
// librdkafka may have stopped forwarding the messages of such a partition to the consumer's queue. Then the
// consumer's descriptor does not become readable, although messages have arrived. consumer_fill() starts the
// forwarding again. So while this function returns true, call consumer_fill() at least every half second.
bool consumer_begins(Consumer *consumer) noexcept;

// consumer_trouble() returns the error that caused the last FillResult::trouble. The next call with this
// consumer can change the text. consumer_lost_brokers() returns whether the client has lost its connections
// to all brokers since the last assignment.
const char *consumer_trouble(Consumer *consumer) noexcept;
bool consumer_lost_brokers(Consumer *consumer) noexcept;

// Returns whether a broker throttles this client. If the function returns true, *throttle describes the
// broker with the longest delay.
bool consumer_throttled(Consumer *consumer, ConsumerThrottle *throttle) noexcept;

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept;

} // namespace heartbeat
