// The topic's Kafka partitions one by one, as an ingest worker knows them: which are read, which
// are asked for, and why nothing comes from one.
#pragma once

#include "kafka/topic_query.h"
#include "monitor/shared_state.h"

namespace heartbeat {

// When Kafka is asked again where an answer was an error, or there was none.
inline constexpr TimestampTz partitions_ask_again_after = USECS_PER_SEC;

struct KafkaPartition {
    bool asked;                         // an answer is to come
    bool read;                          // it is assigned
    bool away;                          // its leader does not answer, or it has none, or it gave an error
    TimestampTz away_since;             // where it is away
    PartitionRange range;               // low -1: to be asked for; otherwise, where it is not read, it can be
    TimestampTz ask_at;                 // when its leader is to be asked next
    TimestampTz trouble_until;          // an error of it is not over before; 0: it gave none
    char reason[partition_reason_size]; // why it is away
};

struct KafkaPartitions {
    int worker;
    int workers;
    TopicDescription topic;    // as it was found last
    bool known;                // it was found since the client was told to stop
    KafkaPartition *partition; // by number, topic.partition_count
    int32_t room;
    int unanswered;             // questions for the topic, in a row, that no broker has answered
    bool answered;              // one was, since the worker looked at this last
    TimestampTz topic_asked_at; // 0: nobody is asked
    TimestampTz topic_at;       // when to ask for it next
    TimestampTz gather_until;   // the first answers are waited for, so that partitions begin together
};

inline bool partitions_own(const KafkaPartitions &partitions, int32_t partition) {
    return partition < partitions.topic.partition_count &&
           partition % partitions.workers == partitions.worker;
}

// Whether the answers of some of the worker's partitions are still worth waiting for.
bool partitions_gather(const KafkaPartitions &partitions);

// Whether there is a partition of the worker that can be read and is not.
bool partitions_to_join(const KafkaPartitions &partitions);

// An error of the partition: it has to be assigned anew.
void partitions_trouble(KafkaPartitions *partitions, const PartitionTrouble &trouble);

// Shows in heartbeat_partitions how each partition of the worker stands.
void partitions_show(const KafkaPartitions &partitions, PartitionState otherwise);

// False: nothing keeps a partition of the worker. Otherwise the first that is away, and why, for
// heartbeat_status.
bool partitions_explain(const KafkaPartitions &partitions, char *reason, char *hint);

bool partitions_any_away(const KafkaPartitions &partitions); // of the worker's

// Whether a partition of the worker has been away for so long although Kafka names its leader: then the
// client may be wrong about the leader.
bool partitions_misled(const KafkaPartitions &partitions, Consumer *consumer, TimestampTz away_for);

// Milliseconds until something is due.
long partitions_until_due(const KafkaPartitions &partitions);

} // namespace heartbeat
