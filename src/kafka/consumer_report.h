// Returns the reports of a consumer: messages for the server's log, errors, lost topics, partitions whose log
// was replaced, and throttling. Each of these functions waits until the thread of consumer_fill_ahead() has
// ended. The ingest worker calls these functions. A user's session also calls these functions if the session
// itself reads messages, for example during a replay.
#pragma once

#include "kafka/report.h"

namespace heartbeat {

class Consumer;

// Returns each error of a partition once. Returns false if there are no more errors.
bool consumer_next_trouble(Consumer *consumer, PartitionTrouble *trouble) noexcept;

// If there is a loss, the function sets *loss and returns true. The function returns each loss only once.
// There are two kinds of losses. In the first kind, Kafka does not know the topic or a partition. In the
// second kind, another log has replaced the log that the client has read. For the second kind,
// consumer_fill() first returns FillResult::trouble, so that the caller assigns the partitions again. After
// that, this function returns the loss.
bool consumer_lost_topic(Consumer *consumer, TopicLoss *loss) noexcept;

// Returns true if the client has found a replaced log but has not reported the loss yet. The client delays
// the report while it examines other partitions. After about a second, the next consumer_fill() returns
// FillResult::trouble because of the loss, even if no message has arrived.
bool consumer_gathers_losses(Consumer *consumer) noexcept;

// Returns whether the client has read a message or the end of a partition since the last assignment. If no
// partition is assigned, the function returns true.
bool consumer_heard(Consumer *consumer) noexcept;

// Returns whether the client still waits for the first message or the end of an assigned partition. If the
// function returns true, call consumer_fill() within half a second, even if the descriptor does not become
// readable.
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
