// Begins and ends the reading of partitions, on the threads of a consumer. librdkafka gives the messages of a
// partition to the queue to which the application has forwarded the partition's queue. When librdkafka stops
// the partition, on a thread of its own, it takes the forward away, and keeps later messages in the
// partition's queue until there is a forward again.
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
    // before the assignment: librdkafka never forwards a queue to the client's queue that the application has
    // forwarded
    for (int i = 0; i < list->cnt; i++)
        forward(list->elems[i].partition);
    rd_kafka_resp_err_t code = code_of(ErrorPointer(rd_kafka_incremental_assign(handle(), list)));
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        rd_kafka_topic_partition_list_add(assigned_.get(), topic.c_str(), list->elems[i].partition);
        // after it: librdkafka stops a partition that was removed before it answers the assignment
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
    // A client that no consumer uses is destroyed with its assignment, and no consumer begins to use it.
    if (client != nullptr && client->is_used() && clear() == RD_KAFKA_RESP_ERR_NO_ERROR)
        client->release(topic);
    queue.reset();
    topic_handle.reset();
    client.reset(); // this call can take long, or never return
    destroyed.set_value();
}

} // namespace heartbeat
