// What an ingest worker knows of each Kafka partition of the topic: whether the worker reads it, whether a
// question about it is under way, and why it is away. topic_watch.cpp and leader_questions.cpp fill it in. It
// asks no broker.
#pragma once

#include "kafka/topic_query.h"
#include "monitor/shared_state.h"

namespace heartbeat {

// The time after which the worker asks Kafka again if it got an error or no answer.
inline constexpr TimestampTz partitions_ask_again_after = USECS_PER_SEC;

struct KafkaPartition {
    bool asked;                         // its leader has not answered the last question yet
    bool read;                          // it is assigned
    bool away;                          // it has no leader, its leader does not answer, or it gave an error
    TimestampTz away_since;             // valid while it is away
    PartitionRange range;               // low -1: the worker must ask for it first; otherwise it can be read
    TimestampTz ask_at;                 // when the worker asks its leader next
    TimestampTz trouble_until;          // its last error counts at least until then; 0: it gave no error
    char reason[partition_reason_size]; // why it is away
};

struct KafkaPartitions {
    int worker;
    int workers;
    TopicDescription topic;    // Kafka's last answer
    bool known;                // Kafka has described the topic since topic_watch_forget()
    KafkaPartition *partition; // topic.partition_count of them, by number
    int32_t room;
    int unanswered;             // questions about the topic, in a row, that no broker has answered
    bool answered;              // a broker has answered since client_health.cpp last looked
    TimestampTz topic_asked_at; // 0: no question about the topic is under way
    TimestampTz topic_at;       // when to ask about the topic next
    TimestampTz gather_until;   // until then the worker waits for all leaders, to assign partitions together
};

inline bool partitions_own(const KafkaPartitions &partitions, int32_t partition) {
    return partition < partitions.topic.partition_count &&
           partition % partitions.workers == partitions.worker;
}

// Returns whether the worker still waits for the first answer of a leader before it assigns partitions.
bool partitions_gather(const KafkaPartitions &partitions);

// Returns whether the worker has a partition that it can read and does not read.
bool partitions_to_join(const KafkaPartitions &partitions);

// Notes an error of a partition. The partition is away, and must be assigned again.
void partitions_trouble(KafkaPartitions *partitions, const PartitionTrouble &trouble);

// Sets the state of each partition of the worker in heartbeat_partitions: `otherwise` for one that is neither
// away nor read.
void partitions_show(const KafkaPartitions &partitions, PartitionState otherwise);

// False: no partition of the worker is away. True: reason and hint explain the first one that is away, for
// heartbeat_status.
bool partitions_explain(const KafkaPartitions &partitions, char *reason, char *hint);

bool partitions_any_away(const KafkaPartitions &partitions); // any partition of the worker

// Returns whether a partition of the worker has been away for this time although Kafka names its leader. The
// client may then ignore the present leader: see client_health.cpp.
bool partitions_misled(const KafkaPartitions &partitions, Consumer *consumer, TimestampTz away_for);

// Milliseconds until the next question is due.
long partitions_until_due(const KafkaPartitions &partitions);

} // namespace heartbeat
