// Generator, publish: makes librdkafka's configuration for a producer. The generator checks the bootstrap
// servers with the function that the extension also calls.
#include "producer_config.h"

#include "kafka/broker_list.h"

namespace heartbeat::generator {

namespace {

struct Property {
    const char *name;
    const char *value;
};

constexpr Property own_choices[] = {
    {"client.id", "heartbeat-generator"},
    {"enable.idempotence", "true"},
    // Allows only one request in flight to each broker. With two requests in flight, messages could be lost.
    // A broker that is just becoming the leader of a partition can refuse the first request, and accept the
    // second request. This happens, for example, in a new topic. librdkafka (2.0.2 and 2.16.0) then reports
    // the messages of both requests as delivered, and does not send the messages of the refused request
    // again.
    {"max.in.flight.requests.per.connection", "1"},
    // If no broker answers, librdkafka tries to deliver a message for at most this time.
    {"message.timeout.ms", "30000"},
    // The longest pause between two attempts to connect. The pause must be short: while no broker answers,
    // librdkafka looks for expired messages only between two attempts.
    {"reconnect.backoff.max.ms", "1000"},
    // For each key this partitioner chooses the same partition as Kafka's own Java clients.
    {"partitioner", "murmur2_random"},
    {"compression.codec", "lz4"},
    // Makes rd_kafka_poll() run the log callback. So the callback runs in the generator's own thread, and not
    // in a thread of librdkafka.
    {"log.queue", "true"},
};

void set_property(rd_kafka_conf_t *conf, const std::string &name, const std::string &value,
                  const std::string &option = "") {
    char reason[512];
    if ((name == "bootstrap.servers" || name == "metadata.broker.list") &&
        !broker_list_check(value.c_str(), reason, sizeof(reason)))
        throw ProducerConfigError(option + name + ": " + reason + " Give " + broker_list_legal);
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof(reason)) != RD_KAFKA_CONF_OK)
        throw ProducerConfigError(option + name + ": " + reason);
}

} // namespace

ProducerConf producer_config_make(const std::string &brokers, const std::vector<std::string> &properties) {
    ProducerConf conf(rd_kafka_conf_new());
    for (const Property &property : own_choices)
        set_property(conf.get(), property.name, property.value);
    set_property(conf.get(), "bootstrap.servers", brokers, "--brokers ");
    for (const std::string &property : properties) {
        const size_t equals = property.find('=');
        set_property(conf.get(), property.substr(0, equals), property.substr(equals + 1), "--config ");
    }
    return conf;
}

const char *producer_config_densest_compression() {
    const ProducerConf conf(rd_kafka_conf_new());
    char reason[512];
    const bool zstd = rd_kafka_conf_set(conf.get(), "compression.codec", "zstd", reason, sizeof(reason)) ==
                      RD_KAFKA_CONF_OK;
    return zstd ? "zstd" : "lz4"; // every build of librdkafka has lz4
}

std::string producer_config_get(const rd_kafka_conf_t *conf, const char *property) {
    char value[512];
    size_t size = sizeof(value);
    if (rd_kafka_conf_get(conf, property, value, &size) != RD_KAFKA_CONF_OK)
        return "";
    return value;
}

} // namespace heartbeat::generator
