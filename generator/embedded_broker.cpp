// Generator: a Kafka broker inside this process (librdkafka's mock cluster), so that a demonstration needs no
// other broker.
//
// The user can request a port by --embedded-broker, but librdkafka itself chooses the port of the mock
// cluster. So a forwarder listens on the requested port, and forwards connections to the mock cluster's port.
// A client uses the forwarder only for its first connection. On this connection the client receives metadata
// with the port of the mock cluster.
#include "embedded_broker.h"

#include <librdkafka/rdkafka_mock.h>

#include <charconv>
#include <stdexcept>

namespace heartbeat::generator {

namespace {

constexpr int query_ms = 1000;
constexpr char log_errors_only[] = "3";

[[noreturn]] void fail(const std::string &reason) {
    throw std::runtime_error("--embedded-broker: " + reason);
}

rd_kafka_t *start_mock_cluster() {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", reason, sizeof(reason)) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "log_level", log_errors_only, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        fail(reason);
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (rk == nullptr) {
        rd_kafka_conf_destroy(conf);
        fail(reason);
    }
    return rk;
}

// Returns the port of host:port.
uint16_t port_of(const std::string &address) {
    uint16_t port = 0;
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos ||
        std::from_chars(address.data() + colon + 1, address.data() + address.size(), port).ec != std::errc())
        fail("unexpected address " + address);
    return port;
}

} // namespace

EmbeddedBroker::EmbeddedBroker(uint16_t port, const std::string &topic, int partitions)
    : topic_(topic), partitions_(partitions), rk_(start_mock_cluster()) {
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(rk_.get());
    if (cluster == nullptr)
        fail("librdkafka has no mock cluster");
    const rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(cluster, topic.c_str(), partitions, 1);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail("topic " + topic + ": " + rd_kafka_err2str(error));

    const uint16_t real_port = port_of(rd_kafka_mock_cluster_bootstraps(cluster));
    if (port != 0)
        forwarder_ = std::make_unique<LoopbackForwarder>(port, real_port);
    address_ = "127.0.0.1:" + std::to_string(port != 0 ? port : real_port);
}

int64_t EmbeddedBroker::dropped() const {
    const std::unique_ptr<rd_kafka_topic_partition_list_t, void (*)(rd_kafka_topic_partition_list_t *)> list(
        rd_kafka_topic_partition_list_new(partitions_), rd_kafka_topic_partition_list_destroy);
    for (int32_t partition = 0; partition < partitions_; partition++)
        rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    // do not call rd_kafka_query_watermark_offsets(): in versions of librdkafka before 2.12, this function
    // ignores its timeout
    if (rd_kafka_offsets_for_times(rk_.get(), list.get(), query_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    int64_t dropped = 0;
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
            dropped += list->elems[i].offset;
    return dropped;
}

} // namespace heartbeat::generator
