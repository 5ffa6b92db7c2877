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

// An error about a property that librdkafka or the generator does not accept. what() names the property.
struct ProducerConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Makes a producer's configuration from the generator's own choices and the caller's properties (key=value).
// The caller's properties override the generator's own choices. Throws ProducerConfigError.
ProducerConf producer_config_make(const std::string &brokers, const std::vector<std::string> &properties);

// Returns zstd, which compresses better than lz4. If this build of librdkafka has no zstd, returns lz4.
const char *producer_config_densest_compression();

// Returns the effective value of a property, or "" if the property has no value.
std::string producer_config_get(const rd_kafka_conf_t *conf, const char *property);

} // namespace heartbeat::generator
