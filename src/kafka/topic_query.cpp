// Asks the brokers about the topic, its id, the cluster's id and the leaders. The calls that wait run on
// threads of question.h.
#include "kafka/topic_query.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/failure.h"
#include "kafka/question.h"
#include "kafka/topic_id.h"

#include <memory>
#include <string>

namespace heartbeat {

namespace {

// metadata_timeout_ms is long, because the answer can wait behind a fetch on the same connection, and the
// fetch waits for messages. describe() adds KafkaClient::fetch_delay to both timeouts.
constexpr int metadata_timeout_ms = 6000;
constexpr int identity_timeout_ms = 1000;
constexpr size_t asked_at_once = 5;

void take_brokers(const rd_kafka_metadata_t &metadata, TopicAnswer *answer) {
    for (int i = 0; i < metadata.broker_cnt; i++)
        answer->addresses[metadata.brokers[i].id] =
            std::string(metadata.brokers[i].host) + ":" + std::to_string(metadata.brokers[i].port);
}

void take_leaders(const rd_kafka_metadata_topic_t &topic, TopicAnswer *answer) {
    answer->leaders.assign(static_cast<size_t>(topic.partition_cnt), {no_leader, no_leader});
    for (int i = 0; i < topic.partition_cnt; i++) {
        const rd_kafka_metadata_partition_t &partition = topic.partitions[i];
        if (partition.id < 0 || partition.id >= topic.partition_cnt)
            continue;
        answer->leaders[static_cast<size_t>(partition.id)] = {
            partition.leader, partition.replica_cnt > 0 ? partition.replicas[0] : no_leader};
    }
}

void refuse(TopicAnswer *answer, const char *what, rd_kafka_resp_err_t code) {
    answer->code = code;
    failure_describe(&answer->error, what, code);
}

void take_topic(const SharedClient &client, const rd_kafka_metadata_t &metadata, TopicAnswer *answer) {
    const rd_kafka_metadata_topic_t *topic = metadata.topic_cnt == 1 ? &metadata.topics[0] : nullptr;
    bool exists = topic != nullptr && topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && topic->partition_cnt > 0;
    // a partition without a leader does not mean that the topic is missing
    bool leaderless = topic != nullptr && topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (topic != nullptr && topic->err != RD_KAFKA_RESP_ERR_NO_ERROR && !leaderless &&
        topic->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return refuse(answer, "cannot use the topic", topic->err);
    answer->topic.exists = exists || (leaderless && topic->partition_cnt > 0);
    answer->topic.partition_count = answer->topic.exists ? topic->partition_cnt : 0;
    if (answer->topic.partition_count > partition_count_max) {
        answer->code = RD_KAFKA_RESP_ERR__FAIL;
        utf8_print(answer->error.text, sizeof(answer->error.text),
                   "the broker says that topic \"%s\" has %d partitions, but heartbeat reads at most %d",
                   client.topic.c_str(), answer->topic.partition_count, partition_count_max);
        return;
    }
    if (answer->topic.exists)
        take_leaders(*topic, answer);
}

TopicAnswer describe(SharedClient &client) {
    TopicAnswer answer;
    int delay_ms = static_cast<int>(client.client->fetch_delay.count());
    const rd_kafka_metadata_t *metadata = nullptr;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client.handle(), 0, client.topic_handle.get(), &metadata,
                                                 metadata_timeout_ms + delay_ms);
    MetadataPointer owner(metadata);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refuse(&answer, "cannot reach Kafka", code);
        answer.unreachable = true;
        return answer;
    }
    take_brokers(*metadata, &answer);
    take_topic(client, *metadata, &answer);
    if (answer.code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return answer;
    char *cluster_id = rd_kafka_clusterid(client.handle(), identity_timeout_ms + delay_ms);
    ascii_copy(answer.topic.cluster_id, sizeof(answer.topic.cluster_id),
               cluster_id == nullptr ? "" : cluster_id);
    rd_kafka_mem_free(client.handle(), cluster_id); // no Deleter: rd_kafka_mem_free() also needs the client
    if (answer.topic.exists)
        topic_id_describe(client, identity_timeout_ms + delay_ms, &answer.topic);
    return answer;
}

// The error of rd_kafka_metadata() shows only that no broker has answered. librdkafka's error callback may
// have received the reason.
void explain_unreachable(Consumer *consumer, Error *error) {
    consumer->listen();
    const char *reason = consumer->broker_errors.worst();
    if (reason[0] != '\0')
        utf8_print(error->text, sizeof(error->text), "cannot reach Kafka: %s", reason);
}

void take(Consumer *consumer, TopicAnswer *answer) {
    consumer->broker_errors.forget();
    if (answer->topic.exists) {
        consumer->questions.leaders.swap(answer->leaders);
        topic_take_moves(consumer);
    }
    for (const auto &[id, address] : answer->addresses)
        consumer->questions.addresses[id] = address;
}

} // namespace

bool topic_ask(Consumer *consumer) noexcept {
    auto &asked = consumer->questions.topic;
    if (asked.size() >= asked_at_once)
        return true;
    try {
        asked.reserve(asked_at_once);
        asked.push_back(question_ask<TopicAnswer>(consumer->shared, consumer->wake, describe));
    } catch (...) {
        return false;
    }
    return true;
}

bool topic_is_asked(Consumer *consumer) noexcept {
    return !consumer->questions.topic.empty();
}

AnswerState topic_take_answer(Consumer *consumer, TopicDescription *topic, Error *error) noexcept {
    consumer->finish_ahead();
    auto &asked = consumer->questions.topic;
    for (size_t i = 0; i < asked.size();) {
        if (!asked[i]->done.load()) {
            i++;
            continue;
        }
        auto question = asked[i];
        asked.erase(asked.begin() + static_cast<long>(i));
        if (question->out_of_memory)
            utf8_copy(error->text, sizeof(error->text), "out of memory while asking Kafka");
        else if (question->answer.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            *error = question->answer.error;
            if (question->answer.unreachable)
                explain_unreachable(consumer, error);
            else
                consumer->broker_errors.forget();
        } else {
            *topic = question->answer.topic;
            asked.clear(); // drop the other questions, because their answers may be older than this answer
            try {
                take(consumer, &question->answer);
            } catch (...) {
                return AnswerState::none;
            }
            return AnswerState::given;
        }
        if (asked.empty())
            return AnswerState::failed;
    }
    return AnswerState::none;
}

void topic_explain_silence(Consumer *consumer, Error *error) noexcept {
    consumer->finish_ahead();
    utf8_copy(error->text, sizeof(error->text), "cannot reach Kafka: no broker answers");
    explain_unreachable(consumer, error);
}

int64_t topic_high_watermark(Consumer *consumer, int32_t partition) noexcept {
    consumer->finish_ahead();
    int64_t low, high;
    rd_kafka_resp_err_t code =
        rd_kafka_get_watermark_offsets(consumer->client, consumer->topic.c_str(), partition, &low, &high);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0)
        return -1;
    if (high <= offset_max)
        return high;
    if (!consumer->impossible_end)
        consumer->note_trouble("partition %d: the broker reports the impossible end offset %lld", partition,
                               static_cast<long long>(high));
    consumer->impossible_end = true;
    return -1;
}

} // namespace heartbeat
