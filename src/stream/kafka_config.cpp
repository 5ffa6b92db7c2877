// Stream half: defaults first, then the user's file, then what the guarantees rest on and no file may change.
#include "stream/kafka_config.h"

#include <librdkafka/rdkafka.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <sys/stat.h>

namespace heartbeat {

namespace {

struct Property {
    const char *name;
    const char *value;
};

// The user's file may change these.
constexpr Property defaults[] = {
    // by count, librdkafka 2.0.2 stops fetching for a second each time its queue is full; by size it does not
    {"queued.min.messages", "10000000"},
    {"queued.max.messages.kbytes", "16384"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "8388608"},
    {"reconnect.backoff.max.ms", "2000"},
    {"socket.nagle.disable", "true"},
    {"log.connection.close", "false"},
    {"topic.metadata.refresh.interval.ms", "60000"}, // and the worker looks at the topic as often
};

// Positions live in the database: nothing but the worker may move or store them.
constexpr Property fixed[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"allow.auto.create.topics", "false"},
    {"log.queue", "true"},
    // No session is held, but closing waits this long (and spins) for a commit that has not found its
    // coordinator.
    {"session.timeout.ms", "500"},
    {"heartbeat.interval.ms", "100"},
};

// Settings of the extension that the file may not set a second time.
constexpr const char *settings_of_their_own[] = {"bootstrap.servers", "metadata.broker.list", "group.id"};

struct ConfigDeleter {
    void operator()(rd_kafka_conf_t *config) const { rd_kafka_conf_destroy(config); }
};
using ConfigPointer = std::unique_ptr<rd_kafka_conf_t, ConfigDeleter>;

bool set_property(rd_kafka_conf_t *config, const char *name, const char *value, Problem *problem) {
    char error[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(config, name, value, error, sizeof(error));
    if (result == RD_KAFKA_CONF_OK)
        return true;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        snprintf(problem->text, sizeof(problem->text), "librdkafka has no configuration property \"%s\"",
                 name);
    else // its own text would quote the value
        snprintf(problem->text, sizeof(problem->text),
                 "librdkafka refuses the value of configuration property \"%s\"", name);
    return false;
}

std::string trim(const std::string &text) {
    size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

bool is_reserved(const std::string &name) {
    for (const Property &property : fixed)
        if (name == property.name)
            return true;
    for (const char *own : settings_of_their_own)
        if (name == own)
            return true;
    return false;
}

bool check_permissions(const char *path, Problem *problem) {
    struct stat status;
    if (stat(path, &status) != 0) {
        snprintf(problem->text, sizeof(problem->text),
                 "cannot read heartbeat.kafka_config_file \"%.200s\": %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(problem->text, sizeof(problem->text), "heartbeat.kafka_config_file \"%.200s\" is not a file",
                 path);
        return false;
    }
    if ((status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0) {
        snprintf(problem->text, sizeof(problem->text),
                 "heartbeat.kafka_config_file \"%.200s\" is open to others; it may hold secrets: chmod it to "
                 "0600, or "
                 "0640 for a group that may read it",
                 path);
        return false;
    }
    return true;
}

bool set_line(rd_kafka_conf_t *config, const std::string &line, int number, Problem *problem) {
    size_t equals = line.find('=');
    std::string name = equals == std::string::npos ? std::string() : trim(line.substr(0, equals));
    if (name.empty()) {
        snprintf(problem->text, sizeof(problem->text),
                 "line %d of heartbeat.kafka_config_file is not of the form key=value", number);
        return false;
    }
    if (is_reserved(name)) {
        snprintf(problem->text, sizeof(problem->text),
                 "line %d of heartbeat.kafka_config_file sets \"%.100s\", which heartbeat sets itself: "
                 "remove the line",
                 number, name.c_str());
        return false;
    }
    return set_property(config, name.c_str(), trim(line.substr(equals + 1)).c_str(), problem);
}

bool set_from_file(rd_kafka_conf_t *config, const char *path, Problem *problem) {
    if (!check_permissions(path, problem))
        return false;
    std::ifstream file(path);
    std::string line;
    int number = 0;
    while (std::getline(file, line)) {
        number++;
        line = trim(line);
        if (!line.empty() && line[0] != '#' && line[0] != '!' && !set_line(config, line, number, problem))
            return false;
    }
    if (!file.eof()) { // half a file would be another configuration
        snprintf(problem->text, sizeof(problem->text), "cannot read heartbeat.kafka_config_file \"%.200s\"",
                 path);
        return false;
    }
    return true;
}

bool set_all(rd_kafka_conf_t *config, const KafkaSettings &settings, Problem *problem) {
    // librdkafka 2.2 and newer take it; before, it is always a second
    rd_kafka_conf_set(config, "fetch.queue.backoff.ms", "5", nullptr, 0);
    for (const Property &property : defaults)
        if (!set_property(config, property.name, property.value, problem))
            return false;
    if (settings.config_file[0] != '\0' && !set_from_file(config, settings.config_file, problem))
        return false;
    for (const Property &property : fixed)
        if (!set_property(config, property.name, property.value, problem))
            return false;
    return set_property(config, "client.id", settings.client_id, problem) &&
           set_property(config, "bootstrap.servers", settings.brokers, problem) &&
           set_property(config, "group.id", settings.group_id, problem);
}

} // namespace

rd_kafka_conf_s *kafka_config_create(const KafkaSettings &settings, Problem *problem) noexcept {
    try {
        ConfigPointer config(rd_kafka_conf_new());
        return set_all(config.get(), settings, problem) ? config.release() : nullptr;
    } catch (...) {
        snprintf(problem->text, sizeof(problem->text), "out of memory while configuring the Kafka client");
        return nullptr;
    }
}

} // namespace heartbeat
