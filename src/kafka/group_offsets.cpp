// Commits the stored positions to the Kafka group, for tools that show consumer lag. This file does not use
// librdkafka's Admin API, because in version 2.0.2 a timeout in this API can abort the process.
#include "kafka/group_offsets.h"

#include "kafka/consumer_client.h"
#include "kafka/partition_list.h"

#include <chrono>
#include <utility>
#include <vector>

namespace heartbeat {

constexpr std::chrono::seconds commit_takes{2};
// If a commit of another consumer of the same client has had no answer for this time,
// consumer_is_committing() returns true for this consumer too.
constexpr std::chrono::milliseconds commit_is_short{200};

void consumer_commit_group_offsets(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    const std::vector<PartitionPosition> &positions = consumer->stored;
    if (positions.empty())
        return;
    KafkaClient &client = *consumer->shared->client;
    if (client.is_committing(consumer->inbox) || !consumer->heard || client.other_begins(consumer->inbox)) {
        consumer->group_commit_failed = true; // the caller tries again later
        return;
    }
    ListPointer list = partition_list_make(
        *consumer->shared, positions.size(), [&](size_t i) { return positions[i].partition; },
        [&](size_t i) { return positions[i].offset; });
    // call set_committing() before the commit, because another thread may take the answer at once
    client.set_committing(&consumer->inbox, true);
    rd_kafka_resp_err_t error = rd_kafka_commit(consumer->client, list.get(), 1);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    client.set_committing(&consumer->inbox, false);
    consumer->note(4, rd_kafka_err2str(error));
}

bool consumer_is_committing(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    KafkaClient &client = *consumer->shared->client;
    return client.is_committing(consumer->inbox) || client.commit_takes(commit_is_short);
}

bool consumer_commit_hangs(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return consumer->shared->client->commit_takes(commit_takes);
}

bool consumer_group_commit_failed(Consumer *consumer) noexcept {
    consumer->finish_ahead();
    return std::exchange(consumer->group_commit_failed, false);
}

} // namespace heartbeat
