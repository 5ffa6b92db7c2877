// Generator, publish: creates the topic if it does not exist, with librdkafka's Admin API.
#include "topic.h"

#include "stop.h"

#include <algorithm>
#include <memory>

namespace heartbeat::generator {

namespace {

constexpr int longest_request_ms = 3'600'000; // librdkafka's limit
constexpr int creation_ms = 15'000;           // time limit for the cluster to create the topic
constexpr int slice_ms = 50;
constexpr int replicas_by_cluster = -1;

template <auto destroy> struct Destroy {
    template <typename Object> void operator()(Object *object) const { destroy(object); }
};
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;

Event wait_for_answer(rd_kafka_t *rk, rd_kafka_queue_t *queue) {
    while (!stop_requested()) {
        rd_kafka_poll(rk, 0);
        if (Event event{rd_kafka_queue_poll(queue, slice_ms)})
            return event;
    }
    return nullptr;
}

bool judge_answer(rd_kafka_event_t *event, const std::string &topic, int partitions, Console *console) {
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    std::string reason = error != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_event_error_string(event) : "";
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count = 0;
        const auto *results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        if (count == 1) {
            error = rd_kafka_topic_result_error(results[0]);
            const char *text = rd_kafka_topic_result_error_string(results[0]);
            reason = text != nullptr ? text : rd_kafka_err2str(error);
        }
    }

    switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        console->info("created topic " + topic + " with " + std::to_string(partitions) +
                      (partitions == 1 ? " partition" : " partitions"));
        return true;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return true;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__FATAL:
        console->error("no broker answers: " + reason);
        return false;
    default:
        console->info("topic " + topic + " could not be created (" + reason +
                      "); publishing to it, because it may exist");
        return true;
    }
}

} // namespace

bool topic_ensure(rd_kafka_t *rk, const std::string &topic, int partitions, int timeout_ms,
                  Console *console) {
    char reason[512];
    const NewTopic request{
        rd_kafka_NewTopic_new(topic.c_str(), partitions, replicas_by_cluster, reason, sizeof(reason))};
    if (!request) {
        console->error("topic " + topic + ": " + reason);
        return false;
    }
    const AdminOptions options{rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS)};
    const int request_ms = timeout_ms == 0 ? longest_request_ms : std::min(timeout_ms, longest_request_ms);
    if (rd_kafka_AdminOptions_set_request_timeout(options.get(), request_ms, reason, sizeof(reason)) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_AdminOptions_set_operation_timeout(options.get(), std::min(request_ms, creation_ms), reason,
                                                    sizeof(reason)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        console->error(std::string("topic creation: ") + reason);
        return false;
    }

    const Queue queue{rd_kafka_queue_new(rk)};
    rd_kafka_NewTopic_t *requests[] = {request.get()};
    rd_kafka_CreateTopics(rk, requests, 1, options.get(), queue.get());
    const Event event = wait_for_answer(rk, queue.get());
    return event && judge_answer(event.get(), topic, partitions, console);
}

} // namespace heartbeat::generator
