// Sets the defaults first, then the properties of the user's file, and last the fixed properties. heartbeat's
// guarantees need the fixed properties, so the file must not set them. kafka_client.cpp calls this file for
// each new client.
#include "kafka/kafka_config.h"

#include "decode/utf8_text.h"
#include "kafka/properties_file.h"
#include "kafka/property_names.h"
#include "kafka/redaction.h"
#include "kafka/registry_properties.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

namespace {

struct Property {
    const char *name;
    const char *value;
};

// The user's file is allowed to change these properties.
constexpr Property defaults[] = {
    // With the next two values, the size of the messages limits the queue, and not their number. When
    // librdkafka 2.0.2 reaches the limit of the number, it stops fetching for a second.
    {"queued.min.messages", "10000000"},
    {"queued.max.messages.kbytes", "16384"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.max.bytes", "8388608"},
    {"reconnect.backoff.max.ms", "2000"},
    {"socket.nagle.disable", "true"},
    {"topic.metadata.refresh.interval.ms", "60000"}, // the worker asks about the topic at this interval
};

// The file must not change these properties. Some of these properties make sure that librdkafka does not move
// or store positions, because the positions are in the table heartbeat_offsets.
constexpr Property fixed[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"allow.auto.create.topics", "false"},
    {"api.version.request", "true"}, // false would make librdkafka use requests without read_committed
    {"log.queue", "true"},
    // A commit can wait until librdkafka has found a coordinator. If the client is closed during such a wait,
    // the close takes session.timeout.ms, and the closing thread uses a whole CPU. So this timeout is short.
    // The client has no session in a Kafka group, so the short timeout does no harm.
    {"session.timeout.ms", "500"},
    {"heartbeat.interval.ms", "100"},
};

// librdkafka puts the values of these properties into a shell command that fetches Kerberos tickets. If a
// value began with '-', the command would read the value as an option.
constexpr const char *shell_names[] = {"sasl.kerberos.keytab", "sasl.kerberos.principal"};
constexpr const char *mechanism_names[] = {"sasl.mechanism", "sasl.mechanisms"};
constexpr const char *mechanisms[] = {"GSSAPI", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};
constexpr const char *shell_safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@:-";
constexpr const char *url_name = "sasl.oauthbearer.token.endpoint.url";

bool set_property(rd_kafka_conf_t *config, const char *name, const char *value, Error *error) {
    char text[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(config, name, value, text, sizeof(text));
    if (result == RD_KAFKA_CONF_OK)
        return true;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        utf8_print(error->text, sizeof(error->text), "librdkafka has no configuration property \"%s\"", name);
    else // do not show librdkafka's text, because this text quotes the value
        utf8_print(error->text, sizeof(error->text),
                   "librdkafka refuses the value of configuration property \"%s\"", name);
    return false;
}

bool is_among(const char *const *begin, const char *const *end, const std::string &name) {
    return std::find(begin, end, name) != end;
}

// librdkafka accepts topic properties with and without the prefix "topic.".
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
        return "which is only for development and makes errors quote the file: remove the line";
    // Check the mechanism here, because librdkafka would refuse a wrong mechanism later, with an error that
    // quotes the value.
    if (is_among(std::begin(mechanism_names), std::end(mechanism_names), name) &&
        !is_among(std::begin(mechanisms), std::end(mechanisms), property.value))
        return "to a value that librdkafka refuses";
    if (is_among(std::begin(shell_names), std::end(shell_names), name)) {
        if (property.value.find_first_not_of(shell_safe) != std::string::npos)
            return "and its value has characters other than letters, digits and . _ / @ : -, which a shell "
                   "could interpret";
        if (property.value[0] == '-')
            return "and its value begins with -, which kinit would read as an option";
    }
    if (name == url_name && property.value.rfind("https://", 0) != 0 &&
        property.value.rfind("http://", 0) != 0)
        return "and its value begins with neither https:// nor http://";
    return nullptr;
}

bool is_known_safe(const FileProperty &property) {
    return properties_is_plain(property.value) || property.value.empty() ||
           is_among(std::begin(text_names), std::end(text_names), property.name) ||
           is_among(std::begin(text_names), std::end(text_names), without_prefix(property.name));
}

// Gets librdkafka's default value of the property. Returns false if librdkafka has no such property.
bool get_default(const rd_kafka_conf_t *config, const std::string &name, std::string *value) {
    char text[64] = ""; // enough for a number
    size_t size = sizeof(text);
    rd_kafka_conf_res_t result = rd_kafka_conf_get(config, name.c_str(), text, &size);
    *value = size > sizeof(text) ? "" : text;
    return result != RD_KAFKA_CONF_UNKNOWN;
}

const char *find_doubt(const rd_kafka_conf_t *config, const FileProperty &property) {
    std::string value;
    if (is_known_safe(property) || (!get_default(config, property.name, &value) &&
                                    !get_default(config, without_prefix(property.name), &value)))
        return nullptr;
    return properties_is_plain(value)
               ? "to a value that librdkafka refuses"
               : "which is not in heartbeat's list of safe properties: remove the line";
}

// Sets the property. Returns an objection if heartbeat or librdkafka refuses the property.
const char *set_for_librdkafka(rd_kafka_conf_t *config, const FileProperty &property) {
    const char *doubt = find_doubt(config, property);
    if (doubt != nullptr)
        return doubt;
    rd_kafka_conf_res_t result =
        rd_kafka_conf_set(config, property.name.c_str(), property.value.c_str(), nullptr, 0);
    if (result == RD_KAFKA_CONF_OK)
        return nullptr;
    return result == RD_KAFKA_CONF_UNKNOWN ? "which librdkafka does not have"
                                           : "to a value that librdkafka refuses";
}

bool set_from_file(rd_kafka_conf_t *config, const KafkaSettings &settings, Redactor *redactor, Error *error) {
    std::vector<FileProperty> properties;
    if (!properties_read(settings, &properties, error))
        return false;
    if (redactor != nullptr)
        redactor->learn(properties);
    for (const FileProperty &property : properties) {
        const char *objection = find_objection(property);
        // the error text may show the name: find_objection() objects only to names that it knows
        std::string name = '"' + property.name + '"';
        if (objection == nullptr) {
            objection = registry_property_is(property.name) ? registry_property_objection(property)
                                                            : set_for_librdkafka(config, property);
            if (objection == nullptr)
                continue;
            name = properties_show_name(property.name);
        }
        utf8_print(error->text, sizeof(error->text), "line %d of %s sets %s, %s", property.line,
                   settings.config_file_name, name.c_str(), objection);
        return false;
    }
    return true;
}

bool set_all(rd_kafka_conf_t *config, const KafkaSettings &settings, Redactor *redactor, Error *error) {
    // Ignore an error here: librdkafka before 2.2 does not have this property, and always waits a second if
    // the queue is full.
    rd_kafka_conf_set(config, "fetch.queue.backoff.ms", "5", nullptr, 0);
    for (const Property &property : defaults)
        if (!set_property(config, property.name, property.value, error))
            return false;
    char fetch_wait[16];
    std::snprintf(fetch_wait, sizeof(fetch_wait), "%d", settings.fetch_wait_ms);
    if (settings.fetch_wait_ms > 0 && !set_property(config, "fetch.wait.max.ms", fetch_wait, error))
        return false;
    if (settings.config_file[0] != '\0' && !set_from_file(config, settings, redactor, error))
        return false;
    for (const Property &property : fixed)
        if (!set_property(config, property.name, property.value, error))
            return false;
    return set_property(config, "client.id", settings.client_id, error) &&
           set_property(config, "bootstrap.servers", settings.brokers, error) &&
           set_property(config, "group.id", settings.group_id, error);
}

} // namespace

ConfigPointer kafka_config_create(const KafkaSettings &settings, Error *error, Redactor *redactor) noexcept {
    try {
        ConfigPointer config(rd_kafka_conf_new());
        return set_all(config.get(), settings, redactor, error) ? std::move(config) : nullptr;
    } catch (...) {
        utf8_print(error->text, sizeof(error->text), "out of memory while configuring the Kafka client");
        return nullptr;
    }
}

} // namespace heartbeat
