// The schemas of one request: the requested schema, and all schemas that this schema needs, directly or
// through other schemas. registry_request.cpp stores a schema after each answer of the registry. May throw
// std::bad_alloc.
#pragma once

#include "registry/module/registry_answer.h"

#include <string>
#include <vector>

namespace heartbeat {

class RegistryReferences {
  public:
    static constexpr size_t root = 0; // the index of the requested schema

    RegistryReferences() : nodes_(1) {}

    // Stores the schema with this index, and adds its references. Returns nullptr, or a text about the
    // mistake.
    const char *store(size_t index, RegisteredSchema schema);

    // Returns the index of a schema that is not stored yet, or size() if all schemas are stored.
    size_t next() const;
    size_t size() const { return nodes_.size(); }
    const AnswerReference &reference(size_t index) const { return nodes_[index].reference; }
    const RegisteredSchema &schema(size_t index) const { return nodes_[index].schema; }

    // Sorts the references. The result does not contain `root`. Each reference comes after the references
    // that it needs itself. Returns nullptr, or a text about the mistake.
    const char *sort(std::vector<size_t> *order) const;

  private:
    enum class Mark : unsigned char { unseen, open, done };
    struct Node {
        AnswerReference reference{};
        RegisteredSchema schema;
        std::vector<size_t> needs;
        bool stored = false;
    };
    const char *add(const AnswerReference &reference, size_t *index);
    bool visit(size_t index, std::vector<Mark> *marks, std::vector<size_t> *order) const;

    std::vector<Node> nodes_;
    size_t text_size_ = 0;
};

} // namespace heartbeat
