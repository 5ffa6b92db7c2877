// Takes the reports of a consumer: notes, troubles, losses and throttling. Each of these calls waits for a
// fill that runs ahead.
#pragma once

#include "kafka/report.h"

namespace heartbeat {

class Consumer;

// Gives each trouble once.
bool consumer_next_trouble(Consumer *consumer, PartitionTrouble *trouble) noexcept;

// True, with *loss filled in, once for each loss: Kafka did not know the topic or a partition, or the log of
// a partition was found to be another one.
bool consumer_lost_topic(Consumer *consumer, TopicLoss *loss) noexcept;

// Whether anything, a message or the end of a partition, has been read since the last assignment; true of one
// of no partition.
bool consumer_heard(Consumer *consumer) noexcept;

// What the last FillResult::trouble was about, as a text that holds until something is read again, and
// whether it was that no broker is left.
const char *consumer_trouble(Consumer *consumer) noexcept;
bool consumer_lost_brokers(Consumer *consumer) noexcept;

// Whether any broker throttles this client, and the one that does most.
bool consumer_throttled(Consumer *consumer, ConsumerThrottle *throttle) noexcept;

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept;

} // namespace heartbeat
