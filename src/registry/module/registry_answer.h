// Parses the answers of a schema registry. The format of the answers is JSON. An answer can have any content,
// because a proxy or an attacker may have sent the answer. registry_request.cpp calls this file. These
// functions may throw std::bad_alloc.
#pragma once

#include "registry/formats_module.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat {

inline constexpr size_t answer_references_max = 64;

struct AnswerReference {
    std::string name;
    std::string subject;
    int64_t version;

    bool operator==(const AnswerReference &) const = default;
};

struct RegisteredSchema {
    RegistrySchemaType type = RegistrySchemaType::avro;
    std::string text;
    std::vector<AnswerReference> references;
};

// Fills in the schema. Returns nullptr, or a constant text about the mistake.
const char *registry_answer_parse(std::string_view body, RegisteredSchema *schema);

// Returns the error_code of an answer with an error. Returns 0 if the answer has no error_code.
int64_t registry_answer_error(std::string_view body);

// Appends a part of a path. Each byte that is not a letter, a digit, or one of the characters -._~ becomes
// %XX.
void registry_path_append(std::string *path, std::string_view part);

} // namespace heartbeat
