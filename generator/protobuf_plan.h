// Generator, formats: makes the plan that writes a template's messages in Protobuf. encoding.cpp calls this
// code.
#pragma once

#include "binary_plan.h"
#include "shape.h"
#include "template_tree.h"

namespace heartbeat::generator {

// `shape` must be the shape of the template `node`. Before this call, protobuf_schema_of() must have accepted
// this shape.
BinaryPlan protobuf_plan(const TemplateNode &node, const Shape &shape);

} // namespace heartbeat::generator
