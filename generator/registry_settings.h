// Generator, schema registry: the properties of a schema registry, which users give together with
// librdkafka's properties. run.cpp calls this code.
#pragma once

#include <string>
#include <vector>

namespace heartbeat::generator {

// The properties have the same names as in Confluent's clients. If the user has not given a property, its
// text is empty.
struct RegistrySettings {
    std::string user_info; // USER:PASSWORD
    std::string bearer_token;
    std::string ca_file; // PEM
    std::string certificate_file;
    std::string key_file;
};

// Removes each property with the prefix `schema.registry.` from the list, because librdkafka does not know
// these properties. Returns the values of the removed properties. Throws LayoutError if a property is
// unknown, or if the user gives two kinds of credentials. The text of the error contains no value of a
// property.
RegistrySettings registry_settings_take(std::vector<std::string> *properties);

} // namespace heartbeat::generator
