// Reads the JSON of an Avro schema, and makes the error texts for its faults. avro_schema.cpp uses AvroJson.
#pragma once

#include "decode/avro_types.h"
#include "decode/json_tree.h"
#include "decode/mapping_fault.h"

namespace heartbeat {

// A part of a schema's JSON, and the namespace of the names in this part.
struct AvroPart {
    uint32_t index;
    std::string space;
    std::string pointer;
};

class AvroJson {
  public:
    // `label` is the name of the schema in error texts.
    void parse(std::string_view text, const std::string &label) {
        DecodeError error;
        label_ = label;
        if (!json_.parse(text, label.c_str(), &error))
            throw AvroSchemaFault{error.text, error.code == DecodeErrorCode::out_of_memory};
    }

    const ValueTree &tree() const { return json_.tree(); }

    [[noreturn]] void refuse(const std::string &pointer, const std::string &problem,
                             const std::string &expected) const {
        throw AvroSchemaFault{label_ + (pointer.empty() ? "" : " at " + pointer) + " " + problem +
                              "; expected " + expected};
    }

    const ValueNode &node(const AvroPart &part) const { return json_.tree()[part.index]; }

    // If the object has no attribute with this name, the returned part has the index no_value.
    AvroPart find(const AvroPart &object, std::string_view name) const {
        return {value_member(json_.tree(), object.index, name), object.space,
                mapping_pointer(object.pointer, name)};
    }

    AvroPart required(const AvroPart &object, std::string_view name, ValueType type,
                      const char *expected) const {
        const AvroPart part = find(object, name);
        if (part.index == no_value)
            refuse(part.pointer, "is missing", expected);
        if (node(part).type != type)
            refuse(part.pointer, std::string("is ") + value_type_name(node(part).type), expected);
        return part;
    }

  private:
    JsonTree json_;
    std::string label_;
};

} // namespace heartbeat
