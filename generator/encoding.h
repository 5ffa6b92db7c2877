// Generator, formats: the encoding of the values and the keys of a run: JSON, Avro or Protobuf, with or
// without the frame that names a schema. run.cpp calls this code.
#pragma once

#include "binary_plan.h"
#include "message_template.h"
#include "options.h"

#include <cstdint>
#include <optional>
#include <string>

namespace heartbeat::generator {

enum class Format { json, json_schema, avro, protobuf };

// The encoding of one part of a message: of the value or of the key.
struct PartEncoding {
    std::string schema;             // empty: the part has no schema, and is text
    std::optional<BinaryPlan> plan; // no plan: the source writes the template's text
    std::string prefix;             // the frame before the bytes; empty: no frame
};

struct MessageEncoding {
    Format format = Format::json;
    PartEncoding value;
    PartEncoding key;

    // Returns whether the values are bytes that a terminal cannot show.
    bool is_binary() const { return value.plan.has_value() || !value.prefix.empty(); }
};

// Makes the encoding of a run: the schemas, the plans, and with --schema-id also the frames. Without
// --format, the format is the template's format. If the template has no format, the format is JSON. Throws
// LayoutError if the options do not fit the format. Throws TemplateError if the template does not fit the
// format.
MessageEncoding encoding_load(const Options &options, const MessageTemplate &layout);

// Sets the frame of the part. The frame contains this schema id.
void encoding_set_id(Format format, uint32_t id, PartEncoding *part);

// Returns the name that a schema registry uses for the format: AVRO, PROTOBUF or JSON.
const char *encoding_schema_type(Format format);

} // namespace heartbeat::generator
