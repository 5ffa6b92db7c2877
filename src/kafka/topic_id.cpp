// Asks for the topic's id with DescribeTopics of librdkafka's Admin API, which librdkafka has from version
// 2.3 on.
#include "kafka/topic_id.h"

#include "decode/utf8_text.h"

#include <librdkafka/rdkafka.h>
#include <memory>

namespace heartbeat {

#if RD_KAFKA_VERSION >= 0x02030000

namespace {

struct TopicsDeleter {
    void operator()(rd_kafka_TopicCollection_t *topics) const { rd_kafka_TopicCollection_destroy(topics); }
};
struct QueueDeleter {
    void operator()(rd_kafka_queue_t *queue) const { rd_kafka_queue_destroy(queue); }
};
struct EventDeleter {
    void operator()(rd_kafka_event_t *event) const { rd_kafka_event_destroy(event); }
};
struct OptionsDeleter {
    void operator()(rd_kafka_AdminOptions_t *options) const { rd_kafka_AdminOptions_destroy(options); }
};

} // namespace

void topic_id_describe(const SharedClient &client, int timeout_ms, TopicDescription *topic) noexcept {
    const char *name = client.topic.c_str();
    std::unique_ptr<rd_kafka_TopicCollection_t, TopicsDeleter> names(
        rd_kafka_TopicCollection_of_topic_names(&name, 1));
    std::unique_ptr<rd_kafka_AdminOptions_t, OptionsDeleter> options(
        rd_kafka_AdminOptions_new(client.handle, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS));
    std::unique_ptr<rd_kafka_queue_t, QueueDeleter> answers(rd_kafka_queue_new(client.handle));
    char error[8]; // for the error of a timeout that is out of range
    if (rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, error, sizeof(error)) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_DescribeTopics(client.handle, names.get(), options.get(), answers.get());
    std::unique_ptr<rd_kafka_event_t, EventDeleter> event(rd_kafka_queue_poll(answers.get(), timeout_ms));
    if (event == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    size_t count = 0;
    const rd_kafka_TopicDescription_t **found =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event.get()), &count);
    if (count != 1 ||
        rd_kafka_error_code(rd_kafka_TopicDescription_error(found[0])) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(found[0]);
    bool given =
        rd_kafka_Uuid_most_significant_bits(id) != 0 || rd_kafka_Uuid_least_significant_bits(id) != 0;
    ascii_copy(topic->topic_id, sizeof(topic->topic_id), given ? rd_kafka_Uuid_base64str(id) : "");
}

#else

void topic_id_describe(const SharedClient & /*client*/, int /*timeout_ms*/,
                       TopicDescription * /*topic*/) noexcept {}

#endif

} // namespace heartbeat
