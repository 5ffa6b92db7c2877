// Generator, publish: makes librdkafka's configuration for a producer. publish.cpp and run.cpp call this
// code.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace heartbeat::generator {

struct ProducerConfDestroy {
    void operator()(rd_kafka_conf_t *conf) const { rd_kafka_conf_destroy(conf); }
};
using ProducerConf = std::unique_ptr<rd_kafka_conf_t, ProducerConfDestroy>;

// An error about a property that librdkafka does not accept. what() names the property.
struct ProducerConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Makes a producer's configuration: first the generator's own choices, then the caller's properties
// (key=value). Throws ProducerConfigError.
ProducerConf producer_config_make(const std::string &brokers, const std::vector<std::string> &properties);

// Returns the compression codec that has the smallest output of all codecs in this build of librdkafka.
const char *producer_config_densest_compression();

// Returns the effective value of a property, or "" if the property has no value.
std::string producer_config_get(const rd_kafka_conf_t *conf, const char *property);

} // namespace heartbeat::generator
