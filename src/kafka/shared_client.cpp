// Begins and ends the reading of partitions, on the threads of a consumer. In librdkafka each partition has a
// queue. heartbeat forwards this queue to the consumer's queue, and reads the messages there. When librdkafka
// stops a partition, a thread of librdkafka ends the forwarding. Later messages stay in the partition's queue
// until heartbeat forwards this queue again.
#include "kafka/shared_client.h"

namespace heartbeat {

namespace {

rd_kafka_resp_err_t code_of(const ErrorPointer &error) {
    return error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error.get());
}

} // namespace

void SharedClient::wait_for_turn(uint64_t turn) {
    std::unique_lock lock(mutex_);
    turn_ended_.wait(lock, [=, this] { return turns_ended_ + 1 == turn; });
}

void SharedClient::end_turn() {
    std::lock_guard lock(mutex_);
    turns_ended_++;
    turn_ended_.notify_all();
}

rd_kafka_resp_err_t SharedClient::unassign(const rd_kafka_topic_partition_list_t *list) noexcept {
    return code_of(ErrorPointer(rd_kafka_incremental_unassign(handle(), list)));
}

rd_kafka_resp_err_t SharedClient::add(const rd_kafka_topic_partition_list_t *list) noexcept {
    if (list->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    // forward before the assignment, because otherwise librdkafka forwards the partition's queue to the
    // client's own queue
    for (int i = 0; i < list->cnt; i++)
        forward(list->elems[i].partition);
    rd_kafka_resp_err_t code = code_of(ErrorPointer(rd_kafka_incremental_assign(handle(), list)));
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        rd_kafka_topic_partition_list_add(assigned_.get(), topic.c_str(), list->elems[i].partition);
        // If this partition was removed shortly before, librdkafka still stops the partition before it
        // answers this assignment. The stop ends the forwarding, so forward again.
        forward(list->elems[i].partition);
    }
    return code;
}

rd_kafka_resp_err_t SharedClient::remove(int32_t partition) noexcept {
    if (rd_kafka_topic_partition_list_del(assigned_.get(), topic.c_str(), partition) == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    ListPointer list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
    return unassign(list.get());
}

rd_kafka_resp_err_t SharedClient::clear() noexcept {
    if (assigned_->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    ListPointer list(rd_kafka_topic_partition_list_new(0));
    list.swap(assigned_);
    return unassign(list.get());
}

void SharedClient::forward(int32_t partition) const noexcept {
    QueuePointer from(rd_kafka_queue_get_partition(handle(), topic.c_str(), partition));
    if (from != nullptr)
        rd_kafka_queue_forward(from.get(), queue.get());
}

SharedClient::~SharedClient() {
    // While other consumers use the client, the client stays open. So this function must end the assignment
    // of the topic's partitions. If no other consumer uses the client, the client is retired, and the
    // assignment ends when librdkafka destroys the client.
    if (client != nullptr && client->is_used() && clear() == RD_KAFKA_RESP_ERR_NO_ERROR)
        client->release(topic);
    assigned_.reset(); // like the queue and the topic, a list can refer to objects of the client
    queue.reset();
    topic_handle.reset();
    client.reset(); // this call can take long, or never return
    destroyed.set_value();
}

} // namespace heartbeat
