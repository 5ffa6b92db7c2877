// Generator, formats: makes the plan that writes a template's messages in Avro. encoding.cpp calls this code.
#pragma once

#include "avro_schema.h"
#include "binary_plan.h"
#include "template_tree.h"

#include <string>

namespace heartbeat::generator {

// Returns the plan that writes the value `node` of the template with this schema. Each field of a record gets
// the value of the template's member with the same name. If a value does not fit the schema, throws
// TemplateError with a text that begins with `name`.
BinaryPlan avro_plan(const TemplateNode &node, const AvroSchema &schema, const std::string &name);

// Appends the bytes of a field's default. Returns false if the default does not fit the type or is too large.
bool avro_append_default(const json_t *json, const AvroType &type, std::string *out);

} // namespace heartbeat::generator
