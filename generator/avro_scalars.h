// Generator, formats: adds values that are no arrays, maps or records to a plan for Avro. avro_plan.cpp calls
// it.
#pragma once

#include "avro_schema.h"
#include "binary_plan.h"
#include "template_tree.h"

#include <optional>
#include <string>

namespace heartbeat::generator {

// Returns whether the placeholder writes numbers without digits after the point.
bool avro_is_whole(const Placeholder &placeholder);

// Returns "a text cannot be written as an int".
std::string avro_cannot(const TemplateNode &node, const AvroType &type);

// Returns the reason if the value does not fit the type.
std::optional<std::string> avro_add_scalar(const TemplateNode &node, const AvroType &type,
                                           BinarySteps *steps);

} // namespace heartbeat::generator
