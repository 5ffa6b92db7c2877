// This file has a list of the properties for the schema registry, and checks the values of these properties.
#include "kafka/registry_properties.h"

#include <algorithm>
#include <iterator>

namespace heartbeat {

namespace {

using std::string_view;

constexpr string_view prefix = "schema.registry.";

// If the name of a property begins with one of these texts, the prefix "schema.registry." is optional.
constexpr string_view short_prefixes[] = {"basic.auth.", "bearer.auth."};

// The names without the prefix "schema.registry.". Some of these properties name a file. heartbeat reads such
// a file as PEM text, and never runs it as code.
constexpr string_view known_names[] = {
    "basic.auth.credentials.source",
    "basic.auth.user.info",
    "bearer.auth.credentials.source",
    "bearer.auth.token",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
};

bool starts_with_any(string_view name, const string_view *begin, const string_view *end) {
    return std::any_of(begin, end, [&](string_view start) { return name.substr(0, start.size()) == start; });
}

string_view without_prefix(string_view name) {
    return name.substr(0, prefix.size()) == prefix ? name.substr(prefix.size()) : name;
}

bool has_any_value(const std::string &value, std::initializer_list<const char *> legal) {
    return std::any_of(legal.begin(), legal.end(), [&](const char *one) { return value == one; });
}

const char *name_objection(string_view name) {
    if (name == "url")
        return "but the URL is the source's parameter schema_registry: remove the line";
    if (name.substr(0, 14) == "ssl.truststore" || name.substr(0, 12) == "ssl.keystore")
        return "which is a file of Java: use PEM files with schema.registry.ssl.ca.location, "
               "schema.registry.ssl.certificate.location and schema.registry.ssl.key.location";
    if (std::find(std::begin(known_names), std::end(known_names), name) == std::end(known_names))
        return "which heartbeat does not have: docs/formats.md lists the properties for a schema registry";
    return nullptr;
}

} // namespace

bool registry_property_is(const std::string &name) noexcept {
    return string_view(name).substr(0, prefix.size()) == prefix ||
           starts_with_any(name, std::begin(short_prefixes), std::end(short_prefixes));
}

bool registry_property_has_name(const std::string &name, string_view plain_name) noexcept {
    return registry_property_is(name) && without_prefix(name) == plain_name;
}

const char *registry_property_objection(const FileProperty &property) noexcept {
    string_view name = without_prefix(property.name);
    const std::string &value = property.value;
    const char *objection = name_objection(name);
    if (objection != nullptr)
        return objection;
    if (name == "basic.auth.credentials.source" && value == "URL")
        return "to URL: many roles can see a URL, so use USER_INFO with basic.auth.user.info";
    if (name == "basic.auth.credentials.source" && !has_any_value(value, {"USER_INFO", "SASL_INHERIT"}))
        return "to a value that is neither USER_INFO nor SASL_INHERIT";
    if (name == "basic.auth.user.info" && (value.find(':') == std::string::npos || value[0] == ':'))
        return "and its value is not of the form user:password";
    if (name == "bearer.auth.credentials.source" && value != "STATIC_TOKEN")
        return "to a value that is not STATIC_TOKEN";
    // the token is a part of an HTTP header, and a space would end the token
    if (name == "bearer.auth.token" &&
        !std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c <= '~'; }))
        return "and its value has characters that a token cannot have";
    if (name == "ssl.endpoint.identification.algorithm" && !has_any_value(value, {"https", "none", ""}))
        return "to a value that is neither https nor none";
    return nullptr;
}

} // namespace heartbeat
