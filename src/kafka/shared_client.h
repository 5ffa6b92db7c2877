// Several threads of a consumer share librdkafka's client and the topic. A call of librdkafka can take longer
// than its timeout. So each thread that asks a question keeps the client until the call returns, even if the
// consumer is closed earlier.
#pragma once

#include "kafka/kafka_client.h"
#include "kafka/owned.h"
#include "kafka/wake.h"

#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>

namespace heartbeat {

// The last thread that releases this object ends the reading of the topic. If no other consumer uses the
// client, the thread also destroys the client. The destruction can take a long time.
class SharedClient {
  public:
    SharedClient() = default;
    ~SharedClient();
    SharedClient(const SharedClient &) = delete;
    SharedClient &operator=(const SharedClient &) = delete;

    rd_kafka_t *handle() const noexcept { return client->handle.get(); }

    std::shared_ptr<KafkaClient> client; // nullptr: the client was not opened
    TopicPointer topic_handle;           // the destructor destroys the handle before the client
    QueuePointer queue;                  // this queue gets the messages of the topic's partitions
    std::string topic;
    std::string group;
    std::promise<void> destroyed;

    // Threads make assignments in the order of their turns, even if a thread with a later turn runs first.
    void wait_for_turn(uint64_t turn);
    void end_turn();
    uint64_t turns_given = 0; // only the consumer's thread uses this number

    // Each of these functions makes a call of librdkafka that can wait. A thread calls these functions only
    // during the thread's own turn, so that a later assignment does not overtake an earlier assignment that
    // still waits. The functions do not call rd_kafka_assign(), because rd_kafka_assign() would replace the
    // partitions of all consumers of the client.

    // begins to read these partitions
    rd_kafka_resp_err_t add(const rd_kafka_topic_partition_list_t *list) noexcept;
    rd_kafka_resp_err_t remove(int32_t partition) noexcept; // stops reading this partition
    rd_kafka_resp_err_t clear() noexcept; // stops reading all partitions, and drops their queued messages

    // Forwards the messages of an assigned partition to the queue of this consumer. Does not wait.
    void forward(int32_t partition) const noexcept;

  private:
    rd_kafka_resp_err_t unassign(const rd_kafka_topic_partition_list_t *list) noexcept;

    // A thread uses this list only during the thread's own turn. The list is not a std::vector, because add()
    // and remove() are noexcept, and a vector can throw.
    ListPointer assigned_{rd_kafka_topic_partition_list_new(0)};
    std::mutex mutex_;
    std::condition_variable turn_ended_;
    uint64_t turns_ended_ = 0;
};

} // namespace heartbeat
