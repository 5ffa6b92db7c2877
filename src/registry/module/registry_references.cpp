// Limits and sorts references. The schemas of a hostile registry can refer to other schemas without an end.
// So the number of references and the size of all texts have limits.
#include "registry/module/registry_references.h"

#include <utility>

namespace heartbeat {

namespace {

constexpr size_t text_size_max = 8 << 20; // the limit for all schemas of a request

} // namespace

const char *RegistryReferences::add(const AnswerReference &reference, size_t *index) {
    for (size_t i = root + 1; i < nodes_.size(); i++) {
        *index = i;
        if (nodes_[i].reference == reference)
            return nullptr;
        if (nodes_[i].reference.name == reference.name)
            return "two references of the schema have the same name, but refer to different schemas";
    }
    if (nodes_.size() > answer_references_max)
        return "the schema has more than 64 references";
    *index = nodes_.size();
    nodes_.emplace_back();
    nodes_.back().reference = reference;
    return nullptr;
}

const char *RegistryReferences::store(size_t index, RegisteredSchema schema) {
    text_size_ += schema.text.size();
    if (text_size_ > text_size_max)
        return "the schema and its references have more than 8 MiB";
    std::vector<size_t> needs;
    for (const AnswerReference &reference : schema.references) {
        size_t needed;
        const char *mistake = add(reference, &needed);
        if (mistake != nullptr)
            return mistake;
        needs.push_back(needed);
    }
    nodes_[index].schema = std::move(schema);
    nodes_[index].needs = std::move(needs);
    nodes_[index].stored = true;
    return nullptr;
}

size_t RegistryReferences::next() const {
    size_t index = 0;
    while (index < nodes_.size() && nodes_[index].stored)
        index++;
    return index;
}

// The recursion is at most as deep as the number of schemas. Returns false if a reference needs itself,
// directly or through other references.
bool RegistryReferences::visit(size_t index, std::vector<Mark> *marks, std::vector<size_t> *order) const {
    if ((*marks)[index] != Mark::unseen)
        return (*marks)[index] == Mark::done;
    (*marks)[index] = Mark::open;
    for (size_t needed : nodes_[index].needs)
        if (!visit(needed, marks, order))
            return false;
    (*marks)[index] = Mark::done;
    if (index != root)
        order->push_back(index);
    return true;
}

const char *RegistryReferences::sort(std::vector<size_t> *order) const {
    std::vector<Mark> marks(nodes_.size(), Mark::unseen);
    order->clear();
    return visit(root, &marks, order) ? nullptr : "a schema of the references refers to itself";
}

} // namespace heartbeat
