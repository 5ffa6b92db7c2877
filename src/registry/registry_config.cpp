// Finds the properties for the schema registry in the properties file. kafka_config.cpp also checks these
// properties, when a Kafka client starts. So a wrong line causes an error before a message needs a registry.
#include "registry/registry_config.h"

#include "decode/utf8_text.h"
#include "kafka/properties_file.h"
#include "kafka/registry_properties.h"

#include <memory>
#include <string>
#include <vector>

namespace heartbeat {

class RegistryConfig {
  public:
    bool read(const KafkaSettings &settings, Error *error);
    RegistryOptions options() const noexcept;

  private:
    bool check(const KafkaSettings &settings, Error *error);

    std::vector<FileProperty> properties_;
    std::string user_info_;
};

namespace {

// If several lines set the same property, heartbeat uses the last of these lines, as librdkafka does.
const char *last_of(const std::vector<FileProperty> &properties, const char *plain_name) noexcept {
    const char *value = "";
    for (const FileProperty &property : properties)
        if (registry_property_has_name(property.name, plain_name))
            value = property.value.c_str();
    return value;
}

std::string kafka_value(const std::vector<FileProperty> &properties, const char *name) {
    std::string value;
    for (const FileProperty &property : properties)
        if (property.name == name)
            value = property.value;
    return value;
}

bool refuse(const KafkaSettings &settings, Error *error, const char *what) {
    utf8_print(error->text, sizeof(error->text), "the file that %s names %s", settings.config_file_name,
               what);
    return false;
}

} // namespace

bool RegistryConfig::read(const KafkaSettings &settings, Error *error) {
    if (settings.config_file[0] != '\0' && !properties_read(settings, &properties_, error))
        return false;
    for (const FileProperty &property : properties_) {
        const char *objection =
            registry_property_is(property.name) ? registry_property_objection(property) : nullptr;
        if (objection == nullptr)
            continue;
        utf8_print(error->text, sizeof(error->text), "line %d of %s sets %s, %s", property.line,
                   settings.config_file_name, properties_show_name(property.name).c_str(), objection);
        return false;
    }
    return check(settings, error);
}

bool RegistryConfig::check(const KafkaSettings &settings, Error *error) {
    user_info_ = last_of(properties_, "basic.auth.user.info");
    if (last_of(properties_, "basic.auth.credentials.source") == std::string("SASL_INHERIT")) {
        std::string name = kafka_value(properties_, "sasl.username");
        if (name.empty() || name.find(':') != std::string::npos)
            return refuse(settings, error,
                          "sets basic.auth.credentials.source to SASL_INHERIT, but has no sasl.username that "
                          "a registry can use");
        user_info_ = name + ':' + kafka_value(properties_, "sasl.password");
    }
    RegistryOptions found = options();
    if (found.user_info[0] != '\0' && found.bearer_token[0] != '\0')
        return refuse(settings, error,
                      "has both a user and a token for the schema registry: remove the user or the token");
    if (found.certificate_file[0] == '\0' && found.key_file[0] != '\0')
        return refuse(
            settings, error,
            "sets schema.registry.ssl.key.location without schema.registry.ssl.certificate.location");
    return true;
}

RegistryOptions RegistryConfig::options() const noexcept {
    RegistryOptions options;
    options.user_info = user_info_.c_str();
    options.bearer_token = last_of(properties_, "bearer.auth.token");
    options.ca_file = last_of(properties_, "ssl.ca.location");
    options.certificate_file = last_of(properties_, "ssl.certificate.location");
    options.key_file = last_of(properties_, "ssl.key.location");
    options.key_password = last_of(properties_, "ssl.key.password");
    options.check_host =
        last_of(properties_, "ssl.endpoint.identification.algorithm") != std::string_view("none");
    return options;
}

RegistryConfig *registry_config_read(const KafkaSettings &settings, Error *error) noexcept {
    try {
        auto config = std::make_unique<RegistryConfig>();
        return config->read(settings, error) ? config.release() : nullptr;
    } catch (...) {
        utf8_print(error->text, sizeof(error->text), "out of memory while reading the properties file");
        return nullptr;
    }
}

void registry_config_free(RegistryConfig *config) noexcept {
    delete config;
}

RegistryOptions registry_config_options(const RegistryConfig *config) noexcept {
    return config->options();
}

} // namespace heartbeat
