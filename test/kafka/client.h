// Test code: common functions of the test clients. The functions create a librdkafka handle from "key=value"
// properties, and report errors. This code depends on librdkafka, but not on PostgreSQL.
#pragma once

#include <chrono>
#include <cstdio>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct HandleCloser {
    void operator()(rd_kafka_t *handle) const { rd_kafka_destroy(handle); }
};
using Handle = std::unique_ptr<rd_kafka_t, HandleCloser>;

// Each property is "key=value". Throws std::runtime_error with librdkafka's error text.
inline Handle client_open(rd_kafka_type_t type, const std::vector<std::string> &properties,
                          void (*on_delivery)(rd_kafka_t *, const rd_kafka_message_t *, void *) = nullptr,
                          void *opaque = nullptr) {
    char error[512] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (const std::string &property : properties) {
        const size_t equals = property.find('=');
        if (equals == std::string::npos ||
            rd_kafka_conf_set(conf, property.substr(0, equals).c_str(), property.substr(equals + 1).c_str(),
                              error, sizeof error) != RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(conf);
            throw std::runtime_error("property " + property + ": " + error);
        }
    }
    if (on_delivery != nullptr)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof error);
    if (handle == nullptr) {
        rd_kafka_conf_destroy(conf);
        throw std::runtime_error(error);
    }
    return Handle(handle);
}

// A test's broker is on this machine, so the client reconnects at once. By default the client logs nothing.
inline std::vector<std::string> client_properties(const std::string &brokers) {
    return {"bootstrap.servers=" + brokers, "reconnect.backoff.ms=20", "reconnect.backoff.max.ms=200",
            "log_level=2"};
}

// The time at which a wait ends without success.
class Deadline {
  public:
    explicit Deadline(int seconds) : end_(std::chrono::steady_clock::now() + std::chrono::seconds(seconds)) {}

    int left_ms() const {
        const auto left = end_ - std::chrono::steady_clock::now();
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
        return ms > 0 ? static_cast<int>(ms) : 0;
    }

    bool is_over() const { return left_ms() == 0; }

  private:
    std::chrono::steady_clock::time_point end_;
};

// Runs the main function of a client. An exception becomes a line on standard error, and status 1.
inline int client_main(const char *name, int (*run_command_line)(int, char **), int argc, char **argv) {
    try {
        return run_command_line(argc, argv);
    } catch (const std::exception &error) {
        fprintf(stderr, "%s: %s\n", name, error.what());
        return 1;
    }
}
