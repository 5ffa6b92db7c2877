// Seeks with timeout 0, so that the call does not wait. librdkafka drops the queued messages of the
// partition, and fetches from the new offset, after the call has returned.
#include "kafka/log_move.h"

#include "kafka/consumer_client.h"
#include "kafka/partition_list.h"

namespace heartbeat {

bool log_move(Consumer *consumer, size_t index, int64_t offset, [[maybe_unused]] int32_t leader_epoch) {
    ListPointer list = partition_list_make(
        *consumer->shared, 1, [&](size_t) { return consumer->positions[index].partition; },
        [=](size_t) { return offset; });
#if RD_KAFKA_VERSION >= 0x020100ff
    rd_kafka_topic_partition_set_leader_epoch(&list->elems[0], leader_epoch);
#endif
    consumer->examinations[index].moved_in = consumer->taking;
    ErrorPointer error(rd_kafka_seek_partitions(consumer->client, list.get(), 0));
    rd_kafka_resp_err_t result = list->elems[0].err;
    if (error != nullptr)
        result = rd_kafka_error_code(error.get());
    if (result == RD_KAFKA_RESP_ERR_NO_ERROR || result == RD_KAFKA_RESP_ERR__IN_PROGRESS)
        return true;
    consumer->note_trouble("partition %d: cannot read again from offset %lld: %s",
                           consumer->positions[index].partition, static_cast<long long>(offset),
                           rd_kafka_err2str(result));
    return false;
}

} // namespace heartbeat
