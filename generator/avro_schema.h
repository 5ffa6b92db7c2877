// Generator, formats: the types of an Avro schema. avro_plan.cpp makes a plan that writes values of these
// types.
#pragma once

#include <jansson.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat::generator {

struct AvroType {
    enum class Kind {
        null,
        boolean,
        int32,
        int64,
        float32,
        float64,
        bytes,
        string,
        fixed,
        enumeration,
        record,
        array,
        map,
        choice // a union
    };

    Kind kind = Kind::null;
    std::string logical;              // the logical type; empty: none
    int64_t scale = 0;                // the scale of the logical type decimal
    size_t size = 0;                  // the number of bytes of a fixed
    std::string name;                 // the full name of a record, an enumeration or a fixed
    std::vector<std::string> names{}; // the fields of a record, or the symbols of an enumeration
    // the types of the fields, of the branches, of an array's elements or of a map's values
    std::vector<const AvroType *> types{};
    std::vector<const json_t *> defaults{}; // the defaults of a record's fields; nullptr: no default
};

// Owns the types, and the JSON of their defaults. A type can contain itself: a field of a record can have the
// type of this record.
class AvroSchema {
  public:
    // The text of an error begins with `name`. Throws TemplateError.
    AvroSchema(std::string_view json, const std::string &name);

    const AvroType &root() const { return *root_; }

  private:
    struct Destroy {
        void operator()(json_t *json) const { json_decref(json); }
    };

    std::unique_ptr<json_t, Destroy> json_;
    std::deque<AvroType> types_;
    const AvroType *root_ = nullptr;
};

// Returns "a record", "an int" and so on.
std::string avro_kind_name(const AvroType &type);

} // namespace heartbeat::generator
