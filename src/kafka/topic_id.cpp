// Asks for the topic's id with DescribeTopics of librdkafka's Admin API. librdkafka has DescribeTopics since
// version 2.3.
#include "kafka/topic_id.h"

#include "decode/utf8_text.h"
#include "kafka/owned.h"

#include <memory>

namespace heartbeat {

#if RD_KAFKA_VERSION >= 0x02030000

namespace {

using TopicsPointer = std::unique_ptr<rd_kafka_TopicCollection_t, Deleter<rd_kafka_TopicCollection_destroy>>;
using OptionsPointer = std::unique_ptr<rd_kafka_AdminOptions_t, Deleter<rd_kafka_AdminOptions_destroy>>;
using EventPointer = std::unique_ptr<rd_kafka_event_t, Deleter<rd_kafka_event_destroy>>;

} // namespace

void topic_id_describe(const SharedClient &client, int timeout_ms, TopicDescription *topic) noexcept {
    const char *name = client.topic.c_str();
    TopicsPointer names(rd_kafka_TopicCollection_of_topic_names(&name, 1));
    OptionsPointer options(rd_kafka_AdminOptions_new(client.handle(), RD_KAFKA_ADMIN_OP_DESCRIBETOPICS));
    QueuePointer answers(rd_kafka_queue_new(client.handle()));
    char error[8]; // receives the error if the timeout is out of range
    if (rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, error, sizeof(error)) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_DescribeTopics(client.handle(), names.get(), options.get(), answers.get());
    EventPointer event(rd_kafka_queue_poll(answers.get(), timeout_ms));
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
