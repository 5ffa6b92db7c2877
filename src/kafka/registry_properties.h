// The properties of the user's file that are for the schema registry, under the names that Confluent's
// clients use. librdkafka does not know them, so kafka_config.cpp checks them with this file and does not
// pass them to librdkafka. src/registry reads their values.
#pragma once

#include "kafka/properties_file.h"

#include <string>
#include <string_view>

namespace heartbeat {

// Whether the property is for the schema registry. Only the beginning of the name counts, so the name can
// also be misspelt.
bool registry_property_is(const std::string &name) noexcept;

// Returns what is wrong with a property for the schema registry. Returns nullptr if nothing is wrong. The
// text continues the phrase "sets NAME, ", and never contains the value.
const char *registry_property_objection(const FileProperty &property) noexcept;

// Whether the property is `plain_name`, such as "basic.auth.user.info". A name is the same with and without
// the prefix "schema.registry.", if it is legal without the prefix.
bool registry_property_has_name(const std::string &name, std::string_view plain_name) noexcept;

} // namespace heartbeat
