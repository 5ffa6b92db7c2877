// Generator, formats: adds simple values to a plan for Avro. Arrays, maps and records are not simple values.
// avro_plan.cpp calls this code.
#pragma once

#include "avro_schema.h"
#include "binary_plan.h"
#include "template_tree.h"

#include <optional>
#include <string>

namespace heartbeat::generator {

// Returns a text such as "a text cannot be written as an int".
std::string avro_cannot(const TemplateNode &node, const AvroType &type);

// Adds the value. If the value does not fit the type, returns the reason.
std::optional<std::string> avro_add_scalar(const TemplateNode &node, const AvroType &type,
                                           BinarySteps *steps);

} // namespace heartbeat::generator
