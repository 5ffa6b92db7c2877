// Checks the properties of the user's file that are for the schema registry. Confluent's clients use the same
// names. librdkafka does not have these properties, so kafka_config.cpp does not pass these properties to
// librdkafka. src/registry reads the values.
#pragma once

#include "kafka/properties_file.h"

#include <string>
#include <string_view>

namespace heartbeat {

// Returns whether the property is for the schema registry. The function checks only the beginning of the
// name, so it also returns true if the rest of the name is misspelt.
bool registry_property_is(const std::string &name) noexcept;

// Returns the fault of a property for the schema registry, or nullptr if the property has no fault. The
// caller puts "sets NAME, " before this text. The text never contains the value.
const char *registry_property_objection(const FileProperty &property) noexcept;

// Compares `name` with `plain_name`, a name without the prefix "schema.registry.", such as
// "basic.auth.user.info". Returns true if `name` is `plain_name` with the prefix, or if `name` is
// `plain_name` itself and the prefix is optional for this property.
bool registry_property_has_name(const std::string &name, std::string_view plain_name) noexcept;

} // namespace heartbeat
