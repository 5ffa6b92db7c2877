// Keeps the state of each Kafka partition of a topic for an ingest worker. The state says whether the worker
// reads the partition, whether a question about the partition is unanswered, and why the partition is away
// (unavailable). topic_watch.cpp and leader_questions.cpp set the fields. This file asks no broker.
#pragma once

#include "kafka/topic_query.h"
#include "monitor/shared_state.h"
#include "server/clock.h"
#include "store/sources.h"

namespace heartbeat {

// If Kafka gave an error or no answer, the worker asks Kafka again after this time.
inline constexpr TimestampTz partitions_ask_again_after = USECS_PER_SEC;

struct KafkaPartition {
    bool own;    // this worker reads the partition, or will read it
    bool leaves; // the worker will hand the partition over to another worker
    bool asked;  // the leader has not answered the last question yet
    bool read;   // the partition is assigned
    // unavailable: the partition has no leader, the leader does not answer, or Kafka reported an error of the
    // partition
    bool away;
    MonotonicTime away_since;           // when the partition became unavailable, if `away` is true
    PartitionRange range;               // if low is -1, the worker must first ask the leader for the range
    MonotonicTime ask_at;               // when the worker next asks the leader
    MonotonicTime trouble_until;        // until this time an error keeps the partition away; 0: no error
    char reason[partition_reason_size]; // why the partition is away
};

struct KafkaPartitions {
    MemoryContext context;     // the memory context of `partition`
    const Source *source;      // the source of the topic
    int worker;                // the number of this worker
    uint64_t moves_seen;       // moved_partitions_generation_of() when the fields `own` were last set
    TopicDescription topic;    // Kafka's last answer
    bool known;                // Kafka has described the topic since topic_watch_forget()
    KafkaPartition *partition; // an array of topic.partition_count elements, by partition number
    int32_t room;
    int unanswered; // questions about the topic since the last answer of a broker
    bool answered;  // a broker has answered since client_health.cpp last set this field to false
    MonotonicTime topic_asked_at; // 0: no question about the topic is under way
    MonotonicTime topic_at;       // when the worker next asks about the topic
    // true: another worker may know more partitions of the topic than `topic` has. The worker does not begin
    // to read a partition until Kafka has described the topic again
    bool topic_is_old;
    uint64_t watch_news; // the result of topic_watch_news() when the worker last asked the leaders
    // until this time the worker waits for the answers of all leaders, so that it can assign all partitions
    // together
    MonotonicTime gather_until;
};

// Returns the number of the worker to which the partition belongs before any hand-over: (p + s) % workers for
// partition p of source s. The formula contains s, so that different workers read the sources that have only
// one partition.
int partitions_home(const KafkaPartitions &partitions, int32_t partition);

// Sets the field `own` of each partition whose number is `from` or higher.
void partitions_set_own(KafkaPartitions *partitions, int32_t from);

// Call this function before the worker uses its partitions. If a worker has handed over partitions of this
// source since the last call, the function sets the fields `own` again.
void partitions_take_moves(KafkaPartitions *partitions);

inline PartitionKey partitions_key(const KafkaPartitions &partitions, int32_t partition) {
    return {partitions.source->id, partition};
}

inline bool partitions_own(const KafkaPartitions &partitions, int32_t partition) {
    return partition < partitions.topic.partition_count && partitions.partition[partition].own;
}

// Calls visit(number) for each partition of this worker.
template <typename Visit> void partitions_each_own(const KafkaPartitions &partitions, Visit visit) {
    for (int32_t i = 0; i < partitions.topic.partition_count; i++)
        if (partitions.partition[i].own)
            visit(i);
}

// Returns true while the worker waits for the first answers of the leaders, before it assigns partitions.
bool partitions_gather(const KafkaPartitions &partitions);

// Returns true if the worker can now assign one of its partitions that it does not read yet.
bool partitions_to_join(const KafkaPartitions &partitions);

// Marks a partition as away because of an error. The worker must then assign the partition again.
void partitions_trouble(KafkaPartitions *partitions, const PartitionTrouble &trouble);

// Sets the state of each partition of the worker in heartbeat_partitions. If a partition is neither away nor
// assigned, its state becomes `otherwise`.
void partitions_show(const KafkaPartitions &partitions, PartitionState otherwise);

// Returns true if a partition of the worker is away. The function then sets `reason` and `hint` for
// heartbeat_status, which explain why the first such partition is away.
bool partitions_explain(const KafkaPartitions &partitions, char *reason, char *hint);

// Returns a hint for heartbeat_status, for an error of Kafka that can occur again after each assignment.
const char *partitions_trouble_hint(const Source &source);

bool partitions_any_away(const KafkaPartitions &partitions); // true if a partition of the worker is away

// Returns whether a partition of the worker has been away for at least `away_for`, although Kafka names a
// leader of the partition. The client possibly ignores this leader: see client_health.cpp.
bool partitions_misled(const KafkaPartitions &partitions, Consumer *consumer, TimestampTz away_for);

// Returns the milliseconds until the next question is due.
long partitions_until_due(const KafkaPartitions &partitions);

} // namespace heartbeat
