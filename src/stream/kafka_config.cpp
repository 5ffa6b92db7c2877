// Stream half: defaults first, then the user's file, then what the guarantees rest on and no file may change.
#include "stream/kafka_config.h"

#include "stream/properties_file.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

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
    {"api.version.request", "true"}, // without it brokers are asked in ways that know no read_committed
    {"log.queue", "true"},
    // No session is held, but closing waits this long (and spins) for a commit that has not found its
    // coordinator.
    {"session.timeout.ms", "500"},
    {"heartbeat.interval.ms", "100"},
};

// What else is not the file's to say: settings of the extension, where positions are kept, where errors go,
// signals, and brokers that librdkafka would play itself.
constexpr const char *own_names[] = {
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.instance.id",
    "client.id",
    "auto.commit.enable",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "enabled_events",
    "test.mock.num.brokers",
    "test.mock.broker.rtt",
    "internal.termination.signal",
};

// These load a library into the server or run a command as its user. Who may write the file may choose whom
// the worker talks to, and no more.
constexpr const char *code_names[] = {
    "plugin.library.paths", "ssl.engine.location",     "ssl.engine.id",
    "ssl.providers",        "sasl.kerberos.kinit.cmd",
};

// librdkafka's command for Kerberos' tickets has them in a shell's words.
constexpr const char *shell_names[] = {"sasl.kerberos.keytab", "sasl.kerberos.principal"};
constexpr const char *mechanism_names[] = {"sasl.mechanism", "sasl.mechanisms"};
constexpr const char *mechanisms[] = {"GSSAPI", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};
constexpr const char *shell_safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@:-";

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

bool is_among(const char *const *begin, const char *const *end, const std::string &name) {
    return std::find(begin, end, name) != end;
}

// librdkafka takes a topic's properties with and without the prefix.
std::string without_prefix(const std::string &name) {
    constexpr const char prefix[] = "topic.";
    return name.compare(0, sizeof(prefix) - 1, prefix) == 0 ? name.substr(sizeof(prefix) - 1) : name;
}

const char *find_objection(const FileProperty &property) {
    std::string name = without_prefix(property.name);
    bool is_fixed = std::any_of(std::begin(fixed), std::end(fixed),
                                [&](const Property &own) { return name == own.name; });
    if (is_fixed || is_among(std::begin(own_names), std::end(own_names), name))
        return "which heartbeat sets itself: remove the line";
    if (is_among(std::begin(code_names), std::end(code_names), name))
        return "which would run code in the server: remove the line";
    if (name == "enable.sasl.oauthbearer.unsecure.jwt")
        return "which is for development, and whose errors quote the file: remove the line";
    // librdkafka finds a wrong one later, and quotes it
    if (is_among(std::begin(mechanism_names), std::end(mechanism_names), name) &&
        !is_among(std::begin(mechanisms), std::end(mechanisms), property.value))
        return "to a value that librdkafka refuses";
    if (is_among(std::begin(shell_names), std::end(shell_names), name) &&
        property.value.find_first_not_of(shell_safe) != std::string::npos)
        return "and its value has characters other than letters, digits and . _ / @ : -, which a shell might "
               "take for something else";
    return nullptr;
}

bool set_from_file(rd_kafka_conf_t *config, const char *path, Problem *problem) {
    std::vector<FileProperty> properties;
    if (!properties_read(path, &properties, problem))
        return false;
    for (const FileProperty &property : properties) {
        const char *objection = find_objection(property);
        std::string name = '"' + property.name + '"'; // one that heartbeat knows
        if (objection == nullptr) {
            rd_kafka_conf_res_t result =
                rd_kafka_conf_set(config, property.name.c_str(), property.value.c_str(), nullptr, 0);
            if (result == RD_KAFKA_CONF_OK)
                continue;
            name = properties_show_name(property.name);
            objection = result == RD_KAFKA_CONF_UNKNOWN ? "which librdkafka does not have"
                                                        : "to a value that librdkafka refuses";
        }
        snprintf(problem->text, sizeof(problem->text), "line %d of heartbeat.kafka_config_file sets %s, %s",
                 property.line, name.c_str(), objection);
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
